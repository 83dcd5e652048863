import { assert } from "../../base/assert.ts";
import { SentinelError } from "../../base/errors.ts";
import type { Offset } from "../../base/ids.ts";
import { LIMITS } from "../../base/limits.ts";
import type { FetchedPartition } from "../../broker/types.ts";
import type { Compression } from "../../platform/compression.ts";
import { openBatch } from "../../records/compressed_batch.ts";
import { isRecordsFault, readRecords } from "../../records/read_records.ts";
import type { StoredRecord } from "../../records/record.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import { recordToCbor } from "../../records/record_form.ts";
import type { HandlerContext } from "./handler_context.ts";
import { type Payload, readPayload } from "./wire/payload.ts";
import { fetchRequest, type FetchRequestMessage } from "./wire/requests.ts";

/** What a record costs in a reply besides its own bytes: the keys of its map, the numbers, the lengths. */
const RECORD_OVERHEAD_BYTES = 64;
/** The same for a header: its pair and the two lengths. */
const HEADER_OVERHEAD_BYTES = 8;

/** Reads records of one partition, waiting for them when the request says so. */
export async function handleFetch(context: HandlerContext, payload: Uint8Array): Promise<Payload> {
  const request = readPayload(payload, fetchRequest);
  const maxBytes = context.replyBudget.take(request.maxBytes);
  try {
    const fetched = await fetchPartition(context, request, maxBytes);
    if (fetched.error !== undefined) throw fetched.error;
    const { records, next } = await collectRecords(fetched, context.compression, request);
    return {
      records: records.map((record) => recordToCbor(record)),
      next,
      highWatermark: fetched.highWatermark,
      logStart: fetched.logStart,
    };
  } finally {
    context.replyBudget.release(maxBytes);
  }
}

async function fetchPartition(
  context: HandlerContext,
  request: FetchRequestMessage,
  maxBytes: number,
): Promise<FetchedPartition> {
  const { topic, partition, offset, waitMs } = request;
  const pending = context.broker.fetch({
    partitions: [{ topic, partition, offset, maxBytes }],
    // More than may come would be waited for in vain.
    minBytes: Math.min(request.minBytes, maxBytes),
    waitMs,
    maxBytes,
  });
  context.track(pending);
  try {
    const [fetched] = await pending.result;
    assert(fetched !== undefined, "A fetch of one partition answers with one");
    return fetched;
  } finally {
    context.untrack(pending);
  }
}

interface Collected {
  readonly records: StoredRecord[];
  /** The offset to ask for next: behind control batches and gaps too, so that a reader never asks for them again. */
  readonly next: Offset;
}

/** The records of whole batches, from the offset that was asked for, cut at the request's bounds. The first always fits. */
async function collectRecords(
  fetched: FetchedPartition,
  compression: Compression,
  limits: { readonly maxRecords: number; readonly maxBytes: number },
): Promise<Collected> {
  const records: StoredRecord[] = [];
  let next = fetched.offset;
  let bytes = 0;
  for (const batch of fetched.batches) {
    const left = limits.maxRecords - records.length;
    if (left === 0) return { records, next };
    // One more than fits says whether the batch was read to its end.
    const found = await readBatch(batch, next, left + 1, compression);
    for (const record of found) {
      bytes += recordBytes(record);
      if (records.length === limits.maxRecords || (records.length > 0 && bytes > limits.maxBytes)) {
        return { records, next };
      }
      records.push(record);
      next = record.offset + 1;
    }
    next = Math.max(next, batch.endOffset);
  }
  return { records, next };
}

async function readBatch(
  batch: RecordBatch,
  from: Offset,
  recordsMax: number,
  compression: Compression,
): Promise<StoredRecord[]> {
  if (batch.isControl) return [];
  const options = { from, recordsMax };
  const records = batch.codec === "none"
    ? readRecords(batch, options)
    : readRecords(batch, { ...options, plain: await openBatch(batch, compression, LIMITS.decompressedBytesMax) });
  if (isRecordsFault(records)) {
    throw new SentinelError(
      "corrupt_batch",
      `the batch at offset ${batch.baseOffset} cannot be read: ${records.fault}`,
    );
  }
  return records;
}

function recordBytes(record: StoredRecord): number {
  let bytes = RECORD_OVERHEAD_BYTES + (record.key?.length ?? 0) + (record.value?.length ?? 0);
  for (const header of record.headers) bytes += HEADER_OVERHEAD_BYTES + header.key.length + (header.value?.length ?? 0);
  return bytes;
}
