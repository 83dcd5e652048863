/** FNV-1a with 32 bits, unsigned: the hash of the seed's partitioner (facts B5). Of no bytes it is 0x811C9DC5. */
export function fnv1a(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < bytes.length; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  return hash >>> 0;
}
