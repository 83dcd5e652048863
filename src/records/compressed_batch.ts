import { assert } from "../base/assert.ts";
import { SentinelError } from "../base/errors.ts";
import { crc32c } from "../bytes/crc32c.ts";
import type { Codec, Compression } from "../platform/compression.ts";
import { BATCH_HEADER_BYTES, BATCH_LENGTH_END, RecordBatch } from "./record_batch.ts";

const CRC_START = 21;
const CODEC_MASK = 7;
/** The codecs' numbers in a batch's attributes (protocol notes §5.1). */
const CODEC_NUMBERS: Readonly<Record<Codec, number>> = { gzip: 1, snappy: 2, lz4: 3, zstd: 4 };

/** The same records in one compressed block, with the same header but for codec, length and checksum. */
export async function compressBatch(
  batch: RecordBatch,
  codec: Codec,
  compression: Compression,
  level?: number,
): Promise<RecordBatch> {
  assert(batch.codec === "none", "Only a plain batch can be compressed");
  const block = await compression.compress(codec, batch.payload, level);
  return withPayload(batch, block, CODEC_NUMBERS[codec]);
}

/**
 * The records' plain bytes. Fails with `corrupt_batch` when the block is damaged or its codec unknown, and with
 * `too_large` when it would pass `outputBytesMax`.
 */
export async function openBatch(
  batch: RecordBatch,
  compression: Compression,
  outputBytesMax: number,
): Promise<Uint8Array> {
  const codec = batch.codec;
  if (codec === null) throw new SentinelError("corrupt_batch", `Codec ${batch.attributes & CODEC_MASK} is unknown`);
  if (codec === "none") return batch.payload;
  return await compression.decompress(codec, batch.payload, outputBytesMax);
}

/** The batch as it was before it was compressed; `plain` is what `openBatch` gave. */
export function decompressedBatch(batch: RecordBatch, plain: Uint8Array): RecordBatch {
  return withPayload(batch, plain, 0);
}

function withPayload(batch: RecordBatch, payload: Uint8Array, codecNumber: number): RecordBatch {
  const bytes = new Uint8Array(BATCH_HEADER_BYTES + payload.length);
  bytes.set(batch.bytes.subarray(0, BATCH_HEADER_BYTES));
  bytes.set(payload, BATCH_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setInt32(8, bytes.length - BATCH_LENGTH_END);
  view.setInt16(21, (batch.attributes & ~CODEC_MASK) | codecNumber);
  view.setUint32(17, crc32c(bytes, CRC_START));
  return new RecordBatch(bytes);
}
