import type { Address } from "../../src/platform/network.ts";

/** `host:port`, with brackets around an IPv6 address (RFC 3986 §3.2.2). */
export function formatAddress(address: Address): string {
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
