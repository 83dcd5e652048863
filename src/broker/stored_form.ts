/** How a topic wants its batches stored (`compression.type`), and what must be seen of a batch before it is taken. */
import { SentinelError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Compression } from "../platform/compression.ts";
import { compressBatch, decompressedBatch, openBatch } from "../records/compressed_batch.ts";
import type { RecordBatch } from "../records/record_batch.ts";
import type { TopicSettings } from "./topic_config.ts";

/** Whether a batch's records must be seen, compressed as they are: for their keys, or to be compressed otherwise. */
export function mustBeOpened(batch: RecordBatch, settings: TopicSettings): boolean {
  if (batch.codec === "none") return false;
  return settings.isCompacted || (settings.codec !== null && settings.codec !== batch.codec);
}

/** Whether a batch is stored in another form than it has. */
export function mustBeConverted(batch: RecordBatch, settings: TopicSettings): boolean {
  return settings.codec !== null && settings.codec !== batch.codec;
}

/** The records of a batch that a producer has compressed. What cannot be opened is not valid, as in Kafka. */
export async function openProduced(batch: RecordBatch, compression: Compression): Promise<Uint8Array> {
  try {
    return await openBatch(batch, compression, LIMITS.decompressedBytesMax);
  } catch (thrown) {
    if (!(thrown instanceof SentinelError) || thrown.code !== "corrupt_batch") throw thrown;
    throw new SentinelError("invalid_record", `The batch cannot be opened: ${thrown.message}`, { cause: thrown });
  }
}

/** The batch in its topic's codec. `plain`: its records, if it is compressed. `too_large` when it has grown past the bound. */
export async function convertedBatch(
  batch: RecordBatch,
  plain: Uint8Array | null,
  settings: TopicSettings,
  compression: Compression,
): Promise<RecordBatch> {
  const { codec, codecLevel, batchBytesMax } = settings;
  if (codec === null || codec === batch.codec) return batch;
  const opened = plain === null ? batch : decompressedBatch(batch, plain);
  const converted = codec === "none" ? opened : await compressBatch(opened, codec, compression, codecLevel);
  if (converted.sizeBytes <= batchBytesMax) return converted;
  throw new SentinelError(
    "too_large",
    `In the form of the topic (${codec === "none" ? "uncompressed" : codec}) the batch has ${converted.sizeBytes} ` +
      `bytes; max.message.bytes is ${batchBytesMax}`,
  );
}
