/** The codecs that are ours: the same bytes on every runtime. gzip and zstd give other streams on each (measured). */
import { SentinelError } from "../../src/base/errors.ts";
import type { Compression } from "../../src/platform/compression.ts";
import { compressLz4, decompressLz4 } from "../node/lz4.ts";
import { compressSnappy, decompressSnappy } from "../node/snappy.ts";

function refused(codec: string): SentinelError {
  return new SentinelError("corrupt_batch", `The simulation has no ${codec}: its output differs between runtimes`);
}

export const simulatedCompression: Compression = {
  async compress(codec, bytes) {
    if (codec === "snappy") return compressSnappy(bytes);
    if (codec === "lz4") return compressLz4(bytes);
    throw refused(codec);
  },
  async decompress(codec, bytes, outputBytesMax) {
    if (codec === "snappy") return decompressSnappy(bytes, outputBytesMax);
    if (codec === "lz4") return decompressLz4(bytes, outputBytesMax);
    throw refused(codec);
  },
};
