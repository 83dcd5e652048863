/** Kafka's codecs by their number in a batch's attributes (protocol.md §5.4). */
export type Codec = "gzip" | "snappy" | "lz4" | "zstd";

export interface Compression {
  /** `level`: of gzip or zstd, in their own numbers; the others have none. Left out: the codec's default. */
  compress(codec: Codec, bytes: Uint8Array, level?: number): Promise<Uint8Array>;
  /**
   * Opens one compressed block. Fails with a `SentinelError` `corrupt_batch` when it is damaged, and with `too_large`
   * as soon as the output would pass `outputBytesMax`: a declared length is never trusted, nothing larger is allocated.
   */
  decompress(codec: Codec, bytes: Uint8Array, outputBytesMax: number): Promise<Uint8Array>;
}
