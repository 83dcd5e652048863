import * as zlib from "node:zlib";
import type { Codec, Compression } from "../../src/platform/compression.ts";
import { blockTooLarge, damagedBlock } from "./damaged_block.ts";
import { compressLz4, decompressLz4 } from "./lz4.ts";
import { compressSnappy, decompressSnappy } from "./snappy.ts";
import { checkZstdFrame } from "./zstd_frame.ts";

/** zlib's unit of output: each costs a round through the thread pool, and its default is 16 KiB. */
const CHUNK_BYTES = 256 * 1024;
/**
 * zstd allocates a frame's declared window before it sees the data. 8 MiB is what level 19 uses for a stream of unknown
 * length; larger windows only where the output may be as large.
 */
const ZSTD_WINDOW_BITS_MIN = 23;
const ZSTD_WINDOW_BITS_MAX = 27;

type Done = (error: Error | null, result: Uint8Array) => void;

function call(start: (done: Done) => void): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    start((error, result) => {
      if (error) reject(error);
      // A Buffer has methods that a Uint8Array does not have, and some with another meaning (slice).
      else resolve(new Uint8Array(result.buffer, result.byteOffset, result.byteLength));
    });
  });
}

async function decompressZlib(codec: "gzip" | "zstd", bytes: Uint8Array, outputBytesMax: number): Promise<Uint8Array> {
  if (codec === "zstd") checkZstdFrame(bytes);
  // One byte more than allowed tells "exactly the bound" from "over it"; zlib takes no bound of 0.
  const bound = {
    maxOutputLength: outputBytesMax + 1,
    chunkSize: Math.max(64, Math.min(CHUNK_BYTES, outputBytesMax + 1)),
  };
  const windowBits = Math.min(
    ZSTD_WINDOW_BITS_MAX,
    Math.max(ZSTD_WINDOW_BITS_MIN, Math.ceil(Math.log2(outputBytesMax + 1))),
  );
  let output: Uint8Array;
  try {
    output = await call((done) => {
      if (codec === "gzip") zlib.gunzip(bytes, bound, done);
      else zlib.zstdDecompress(bytes, { ...bound, params: { [zlib.constants.ZSTD_d_windowLogMax]: windowBits } }, done);
    });
  } catch (thrown) {
    if ((thrown as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE") throw blockTooLarge(codec, outputBytesMax);
    throw damagedBlock(codec, thrown instanceof Error ? thrown.message : String(thrown), thrown);
  }
  if (output.length > outputBytesMax) throw blockTooLarge(codec, outputBytesMax);
  return output;
}

/** A high level's window may be larger than what our own reader and others allow, and no larger than the input is of use. */
function zstdParameters(inputBytes: number, level: number | undefined): Record<number, number> {
  if (level === undefined) return {};
  const windowBits = Math.min(ZSTD_WINDOW_BITS_MIN, Math.max(10, Math.ceil(Math.log2(inputBytes + 1))));
  return {
    [zlib.constants.ZSTD_c_compressionLevel]: level,
    [zlib.constants.ZSTD_c_windowLog]: windowBits,
  };
}

/** Kafka's codecs: gzip and zstd from the runtime, in its thread pool; snappy and lz4 are ours. */
export const nodeCompression: Compression = {
  async compress(codec: Codec, bytes: Uint8Array, level?: number): Promise<Uint8Array> {
    switch (codec) {
      case "gzip": {
        const options = level === undefined ? {} : { level };
        return call((done) => zlib.gzip(bytes, { chunkSize: CHUNK_BYTES, ...options }, done));
      }
      case "zstd":
        return call((done) =>
          zlib.zstdCompress(bytes, { chunkSize: CHUNK_BYTES, params: zstdParameters(bytes.length, level) }, done)
        );
      case "snappy":
        return compressSnappy(bytes);
      case "lz4":
        return compressLz4(bytes);
    }
  },

  async decompress(codec: Codec, bytes: Uint8Array, outputBytesMax: number): Promise<Uint8Array> {
    switch (codec) {
      case "gzip":
      case "zstd":
        return decompressZlib(codec, bytes, outputBytesMax);
      case "snappy":
        return decompressSnappy(bytes, outputBytesMax);
      case "lz4":
        return decompressLz4(bytes, outputBytesMax);
    }
  },
};
