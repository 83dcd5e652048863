/** Below it, copying slices together costs less than a call to the socket, or an entry of a gathered write, for each. */
const GATHER_BYTES_MAX = 64 * 1024;

/** `slices` in order, small neighbours copied into one buffer, large ones as they are. No empty ones. */
export function* gatherSlices(slices: readonly Uint8Array[]): Generator<Uint8Array> {
  let start = 0;
  while (start < slices.length) {
    let end = start;
    let total = 0;
    while (end < slices.length && total + slices[end]!.length <= GATHER_BYTES_MAX) total += slices[end++]!.length;
    if (end <= start + 1) {
      const only = slices[start++]!;
      if (only.length > 0) yield only;
      continue;
    }
    if (total > 0) {
      const gathered = new Uint8Array(total);
      let at = 0;
      for (; start < end; start++) {
        gathered.set(slices[start]!, at);
        at += slices[start]!.length;
      }
      yield gathered;
    }
    start = end;
  }
}
