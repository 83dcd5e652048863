import { LIMITS } from "../base/limits.ts";
import { Lease } from "./lease.ts";

/**
 * Sizes of buffers. Between them a frame wastes at most half; the largest has room for a batch of Kafka's default
 * maximum with its request around it. What is smaller than the first comes cheaply from the runtime's own allocator.
 */
const SIZES = [64, 128, 256, 512, 1_088].map((kib) => kib * 1024);
const POOLED_BYTES_MIN = 32 * 1024;
const LARGEST = SIZES.at(-1)!;

/** What memory is filled with where late readers are to be found: no length, offset or text that passes a check. */
export const SPOILED = 0xdb;

export interface PooledBuffer {
  /** At least as large as was asked for; its content is what somebody left there. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Held once, for whoever took it. */
  readonly lease: Lease;
}

/** Buffers that are used again when their lease has ended. What lies here unused is bounded; what is out is its users'. */
export class BufferPool {
  readonly #free: Uint8Array<ArrayBuffer>[][] = SIZES.map(() => []);
  readonly #freeBytesMax: number;
  readonly #spoils: boolean;
  #freeBytes = 0;

  /** `spoils`: what comes back is overwritten, so that whoever still looks at it is found out. */
  constructor(options: { readonly freeBytesMax?: number; readonly spoils?: boolean } = {}) {
    this.#freeBytesMax = options.freeBytesMax ?? LIMITS.receiveBuffersFreeBytesMax;
    this.#spoils = options.spoils ?? false;
  }

  /** Bytes of the buffers that nobody uses. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  /**
   * A free buffer for `wantedBytes`, or a new one for the `neededBytes` that are sure: what is only announced costs
   * memory that is there already, and none besides. Null: sizes for which there is no use in pooling.
   */
  take(neededBytes: number, wantedBytes: number): PooledBuffer | null {
    if (wantedBytes < POOLED_BYTES_MIN || wantedBytes > LARGEST) return null;
    const bytes = this.#takeFree(sizeIndexFor(wantedBytes)) ?? this.#takeFree(sizeIndexFor(neededBytes)) ??
      new Uint8Array(SIZES[sizeIndexFor(neededBytes)]!);
    return { bytes, lease: new Lease(() => this.#put(bytes)) };
  }

  #takeFree(sizeIndex: number): Uint8Array<ArrayBuffer> | null {
    const bytes = this.#free[sizeIndex]!.pop();
    if (bytes === undefined) return null;
    this.#freeBytes -= bytes.length;
    return bytes;
  }

  #put(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#spoils) bytes.fill(SPOILED);
    if (this.#freeBytes + bytes.length > this.#freeBytesMax) return;
    this.#freeBytes += bytes.length;
    this.#free[sizeIndexFor(bytes.length)]!.push(bytes);
  }
}

function sizeIndexFor(bytes: number): number {
  return SIZES.findIndex((size) => size >= bytes);
}
