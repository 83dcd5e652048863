import { SentinelError } from "../../base/errors.ts";
import type { FieldFault } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import type { Lease } from "../../bytes/lease.ts";
import type { ProduceOutcome, RoutedRecord } from "../../broker/broker_api.ts";
import type { ProduceAck } from "../../broker/types.ts";
import { isBatchFault, parseRecordBatch } from "../../records/record_batch.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import { recordFromCbor } from "../../records/record_form.ts";
import type { HandlerContext } from "./handler_context.ts";
import { type Payload, readPayload } from "./wire/payload.ts";
import { type ProduceRequest, produceRequest } from "./wire/requests.ts";

/** Bad records that one error names. */
const FAULTS_MAX = 20;

/**
 * Appends what the request brings, as records or as one of Kafka's batches. The hold of `lease`, of the payload's memory,
 * ends with the broker's work: records are copied into batches of our own, and a batch holds the memory that it lies in.
 */
export function handleProduce(context: HandlerContext, payload: Uint8Array, lease: Lease | null): Promise<Payload> {
  const request = readPayload(payload, produceRequest);
  if ((request.records === undefined) === (request.batch === undefined)) {
    throw new SentinelError("invalid_request", "exactly one of records and batch is required");
  }
  return request.batch === undefined
    ? produceRecords(context, request, request.records ?? [], lease)
    : produceBatch(context, request, request.batch, lease);
}

async function produceRecords(
  context: HandlerContext,
  request: ProduceRequest,
  list: readonly unknown[],
  lease: Lease | null,
): Promise<Payload> {
  if (list.length > LIMITS.produceRecordsMax) {
    throw new SentinelError(
      "invalid_request",
      `${list.length} records are above the limit of ${LIMITS.produceRecordsMax}`,
    );
  }
  const records = readRecordForms(list, request.partition);
  const outcomes = context.broker.produceRecords(request.topic, records, { acks: request.acks });
  releaseAfter(outcomes, lease);
  if (request.acks === "none") return answerNothing(outcomes);
  return acknowledge((await outcomes).map(ackOf));
}

async function produceBatch(
  context: HandlerContext,
  request: ProduceRequest,
  bytes: Uint8Array,
  lease: Lease | null,
): Promise<Payload> {
  const batch = wholeBatch(bytes);
  batch.lieIn(lease);
  const ack = context.broker.produceBatch(request.topic, request.partition ?? null, batch, {
    acks: request.acks,
  });
  releaseAfter(ack, lease);
  if (request.acks === "none") return answerNothing(ack);
  return acknowledge([await ack]);
}

function releaseAfter(work: Promise<unknown>, lease: Lease | null): void {
  const release = (): void => lease?.release();
  work.then(release, release);
}

/** Acks none: nobody waits for the outcome, and the broker has counted a failure. */
function answerNothing(outcome: Promise<unknown>): Payload {
  outcome.then(undefined, () => {});
  return {};
}

function acknowledge(acks: readonly ProduceAck[]): Payload {
  return {
    acks: acks.map(({ partition, first, count }) => ({ partition, first, count })),
    ...(acks.length === 0 ? {} : { durability: acks[0]!.durability }),
  };
}

/**
 * Native frames have no word for "some partitions failed", so one failed partition fails the whole reply, as Kafka's
 * clients see it too: what was stored is stored, and sending again may store it twice.
 */
function ackOf(outcome: ProduceOutcome): ProduceAck {
  if (!outcome.ok) throw outcome.error;
  return outcome.ack;
}

/** `partition`: of the request; a record may name another one. */
function readRecordForms(list: readonly unknown[], partition: number | undefined): RoutedRecord[] {
  const records: RoutedRecord[] = [];
  const faults: FieldFault[] = [];
  for (let index = 0; index < list.length && faults.length < FAULTS_MAX; index++) {
    const form = recordFromCbor(list[index], `/records/${index}`);
    if ("pointer" in form) {
      faults.push(form);
    } else {
      const chosen = form.partition ?? partition;
      records.push(chosen === undefined ? { record: form.record } : { record: form.record, partition: chosen });
    }
  }
  if (faults.length > 0) {
    const detail = faults.map((fault) => `${fault.pointer}: ${fault.detail}`).join("; ");
    throw new SentinelError("invalid_record", detail, { errors: faults });
  }
  return records;
}

/** Exactly one batch; its checksum and its records are the broker's to validate. */
function wholeBatch(bytes: Uint8Array): RecordBatch {
  const batch = parseRecordBatch(bytes, 0, { verifyCrc: false, batchBytesMax: LIMITS.batchBytesMax });
  if (isBatchFault(batch)) {
    const isTooLarge = batch.fault === "length" && bytes.length > LIMITS.batchBytesMax;
    throw new SentinelError(isTooLarge ? "too_large" : "corrupt_batch", `batch: ${batch.detail}`);
  }
  if (batch.sizeBytes !== bytes.length) {
    throw new SentinelError("corrupt_batch", `batch: ${bytes.length - batch.sizeBytes} bytes follow it`);
  }
  return batch;
}
