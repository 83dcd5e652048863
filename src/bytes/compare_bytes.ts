/** Byte strings in the order of their unsigned bytes; a prefix comes before what it begins. */

/** Below 0: `left` comes first; 0: they are equal. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  return compareSlice(left, 0, left.length, right);
}

/** The same for `bytes[from, to)` as the left one. */
export function compareSlice(bytes: Uint8Array, from: number, to: number, right: Uint8Array): number {
  const leftBytes = to - from;
  const common = leftBytes < right.length ? leftBytes : right.length;
  for (let at = 0; at < common; at++) {
    const difference = bytes[from + at]! - right[at]!;
    if (difference !== 0) return difference;
  }
  return leftBytes - right.length;
}
