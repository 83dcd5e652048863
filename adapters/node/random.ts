import type { Random } from "../../src/platform/random.ts";

/** The most that one call of getRandomValues may fill (Web Crypto §10.1.1). */
const FILL_BYTES_MAX = 65_536;

/** Numbers are drawn from a block: one call for each would cost a hundred times as much. */
const block = new Uint32Array(256);
let used = block.length;

/** The operating system's source of chance. */
export const systemRandom: Random = {
  fill(into) {
    for (let at = 0; at < into.length; at += FILL_BYTES_MAX) {
      crypto.getRandomValues(into.subarray(at, at + FILL_BYTES_MAX) as Uint8Array<ArrayBuffer>);
    }
  },
  uint32() {
    if (used === block.length) {
      crypto.getRandomValues(block);
      used = 0;
    }
    const value = block[used]!;
    // What was given out may become a token: it must not stay readable in memory.
    block[used++] = 0;
    return value;
  },
};
