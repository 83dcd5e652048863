/** A peer's `host:port` as Kafka stores and shows it: Java's form of an address, `/host`. */
export function clientHostOf(peer: string): string {
  const port = peer.lastIndexOf(":");
  const host = port < 0 ? peer : peer.slice(0, port);
  return `/${host.replace(/^\[|\]$/g, "")}`;
}
