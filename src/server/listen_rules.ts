import { SentinelError } from "../base/errors.ts";
import type { Address } from "../platform/network.ts";

/** Whether only this machine can reach a listener on `host`. */
export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** There is no authentication yet: whoever reaches a listener may do everything. That must be somebody's decision. */
export function assertMayListen(host: string, insecure: boolean): void {
  if (insecure || isLoopbackHost(host)) return;
  throw new SentinelError(
    "invalid_parameter",
    `The host ${host} can be reached from other machines, and there is no authentication yet: ` +
      "give --insecure to allow it, or use --host 127.0.0.1",
  );
}

/** Whether `host` stands for every address of this machine: one listens on it, and nobody can connect to it. */
export function isWildcardHost(host: string): boolean {
  return /^0+(?:\.0+){0,3}$/.test(host) || /^\[?[0:]*:[0:]*\]?$/.test(host);
}

/**
 * Clients are told where to connect to, and go there: a wildcard would send each of them to its own machine. Which of
 * our addresses is right depends on the network between us, so that it is not guessed. Kafka refuses it, too.
 */
export function assertMayAdvertise(host: string, port: number, advertised: Address | null): void {
  if (advertised === null ? !isWildcardHost(host) : !isWildcardHost(advertised.host)) return;
  const example = `--advertise broker.example:${advertised?.port ?? (port === 0 ? 9092 : port)}`;
  throw new SentinelError(
    "invalid_parameter",
    advertised === null
      ? `Clients would be told to connect to ${host}, which is no address to connect to: say the one by which they ` +
        `reach this broker, as in ${example}`
      : `${advertised.host} is no address to connect to: say the one by which clients reach this broker, as in ${example}`,
  );
}
