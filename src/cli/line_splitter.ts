import { SentinelError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { concatBytes } from "../bytes/concat.ts";

const LF = 0x0a;

/**
 * Cuts a stream of bytes into lines at LF. A CR stays part of its line, and so does a last line that has no LF at its
 * end. Lines that lie in one chunk are views of it.
 */
export class LineSplitter {
  #pieces: Uint8Array[] = [];
  #pieceBytes = 0;

  /** The lines that `chunk` ends. Fails with `too_large` when a line passes the largest batch that there can be. */
  *push(chunk: Uint8Array): Generator<Uint8Array> {
    let start = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, start)) {
      const line = chunk.subarray(start, end);
      start = end + 1;
      yield this.#pieces.length === 0 ? line : this.#join(line);
    }
    if (start === chunk.length) return;
    this.#pieces.push(chunk.subarray(start));
    this.#pieceBytes += chunk.length - start;
    if (this.#pieceBytes > LIMITS.batchBytesMax) {
      throw new SentinelError("too_large", `a line is longer than ${LIMITS.batchBytesMax} bytes`);
    }
  }

  /** The last line, or null when the stream ended with LF or was empty. */
  end(): Uint8Array | null {
    return this.#pieces.length === 0 ? null : this.#join(new Uint8Array(0));
  }

  #join(last: Uint8Array): Uint8Array {
    const line = concatBytes([...this.#pieces, last]);
    this.#pieces = [];
    this.#pieceBytes = 0;
    return line;
  }
}
