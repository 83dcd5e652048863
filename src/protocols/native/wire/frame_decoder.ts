import { assert } from "../../../base/assert.ts";
import type { BufferPool } from "../../../bytes/buffer_pool.ts";
import type { Lease } from "../../../bytes/lease.ts";
import { BODY_HEADER_BYTES, FRAME_LENGTH_BYTES } from "./frame.ts";

/** Why no more frames can be found in a stream: where the next one begins is unknown, so the connection must end. */
export interface FrameFault {
  readonly fault: string;
}

/**
 * Bytes of the first buffer of a frame that did not arrive whole; it grows fourfold as bytes really arrive. Most frames
 * fit, and are copied once; a connection that only declares a length holds no more than this for it.
 */
const FIRST_BUFFER_BYTES = 256 * 1024;
const GROWTH = 4;

/**
 * Finds frames in a stream that was cut anywhere. Give it a chunk with `push`, then call `next` until it answers null.
 *
 * A length outside the rules is a fault before anything is allocated for it. What a peer only declares costs nothing:
 * the buffer grows with the bytes that came. Bodies that lie whole in one chunk are views of it; others are put together
 * in a buffer of the pool, where there is one.
 */
export class FrameDecoder {
  readonly #bodyBytesMax: number;
  readonly #buffers: BufferPool | null;
  #chunkLease: Lease | null = null;
  #bodyLease: Lease | null = null;
  #lease: Lease | null = null;
  #chunk: Uint8Array = EMPTY;
  #at = 0;
  /** The length field of the frame in work, filled byte by byte where a chunk ended inside it. */
  readonly #lengthBytes: Uint8Array = new Uint8Array(FRAME_LENGTH_BYTES);
  #lengthFilled = 0;
  /** Bytes of the body in work, or −1 before its length is known. */
  #bodyBytes = -1;
  #body: Uint8Array = EMPTY;
  #bodyFilled = 0;
  #fault: FrameFault | null = null;

  /** `bodyBytesMax`: the most that a length field may say. */
  constructor(options: { readonly bodyBytesMax: number; readonly buffers?: BufferPool }) {
    assert(options.bodyBytesMax >= BODY_HEADER_BYTES, "A frame must have room for its header");
    this.#bodyBytesMax = options.bodyBytesMax;
    this.#buffers = options.buffers ?? null;
  }

  /** Whether a frame has begun and not ended. */
  get isInsideFrame(): boolean {
    return this.#lengthFilled > 0 || this.#bodyBytes >= 0;
  }

  /** Bytes of memory that the frame in work holds. */
  get heldBytes(): number {
    return this.#body.length;
  }

  /**
   * The lease of the memory in which the body lies that `next` answered with last: held once for that body. Null: the
   * body's memory is not used again.
   */
  get lease(): Lease | null {
    return this.#lease;
  }

  /** Takes the next bytes of the stream, which belong to the decoder from now on, with its hold of their lease. */
  push(chunk: Uint8Array, lease: Lease | null = null): void {
    assert(this.#at === this.#chunk.length, "The last chunk must be used up before the next one comes");
    this.#dropChunk();
    this.#chunk = chunk;
    this.#chunkLease = lease;
  }

  /** The next frame's body; null: more bytes are needed. After a fault, the same fault for ever. */
  next(): Uint8Array | FrameFault | null {
    if (this.#fault !== null) return this.#fault;
    if (this.#bodyBytes < 0) {
      if (!this.#readLength()) return null;
      if (this.#fault !== null) return this.#fault;
    }
    return this.#readBody();
  }

  /** Whether the length is known now. */
  #readLength(): boolean {
    while (this.#lengthFilled < FRAME_LENGTH_BYTES) {
      if (this.#at === this.#chunk.length) {
        this.#dropChunk();
        return false;
      }
      this.#lengthBytes[this.#lengthFilled++] = this.#chunk[this.#at++]!;
    }
    const [a, b, c, d] = this.#lengthBytes as unknown as [number, number, number, number];
    const length = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
    if (length < BODY_HEADER_BYTES) {
      this.#fail(`a frame of ${length} bytes is below ${BODY_HEADER_BYTES}`);
    } else if (length > this.#bodyBytesMax) {
      this.#fail(`a frame of ${length} bytes is above the limit of ${this.#bodyBytesMax}`);
    } else {
      this.#bodyBytes = length;
    }
    return true;
  }

  #readBody(): Uint8Array | null {
    const missing = this.#bodyBytes - this.#bodyFilled;
    const available = this.#chunk.length - this.#at;
    if (this.#bodyFilled === 0 && available >= missing) {
      const body = this.#chunk.subarray(this.#at, this.#at + missing);
      this.#at += missing;
      this.#chunkLease?.hold();
      this.#lease = this.#chunkLease;
      this.#reset();
      return body;
    }
    const taken = Math.min(missing, available);
    if (taken > 0) {
      this.#makeRoom(this.#bodyFilled + taken);
      this.#body.set(this.#chunk.subarray(this.#at, this.#at + taken), this.#bodyFilled);
      this.#bodyFilled += taken;
      this.#at += taken;
    }
    if (this.#at === this.#chunk.length) this.#dropChunk();
    if (this.#bodyFilled < this.#bodyBytes) return null;
    const body = this.#body.subarray(0, this.#bodyBytes);
    this.#lease = this.#bodyLease;
    this.#reset();
    return body;
  }

  #makeRoom(bytes: number): void {
    if (bytes <= this.#body.length) return;
    const size = Math.min(this.#bodyBytes, Math.max(bytes, FIRST_BUFFER_BYTES, this.#body.length * GROWTH));
    const pooled = this.#buffers?.take(size, this.#bodyBytes) ?? null;
    const larger = pooled?.bytes ?? new Uint8Array(size);
    larger.set(this.#body.subarray(0, this.#bodyFilled));
    this.#bodyLease?.release();
    this.#body = larger;
    this.#bodyLease = pooled?.lease ?? null;
  }

  /** The chunk is used up; bodies that lie in it hold it for themselves. */
  #dropChunk(): void {
    this.#chunkLease?.release();
    this.#chunkLease = null;
    this.#chunk = EMPTY;
    this.#at = 0;
  }

  #reset(): void {
    this.#lengthFilled = 0;
    this.#bodyBytes = -1;
    this.#body = EMPTY;
    this.#bodyLease = null;
    this.#bodyFilled = 0;
  }

  #fail(fault: string): void {
    this.#fault = { fault };
    this.#chunk = EMPTY;
    this.#at = 0;
  }
}

const EMPTY = new Uint8Array(0);

/** Whether `next` answered with a fault. */
export function isFrameFault(answer: Uint8Array | FrameFault | null): answer is FrameFault {
  return answer !== null && !(answer instanceof Uint8Array);
}
