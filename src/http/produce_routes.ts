/** `POST /v1/topics/{topic}/records` and `/raw`: appends records. */
import { asSentinelError, type FieldFault, SentinelError } from "../base/errors.ts";
import type { Offset, PartitionId } from "../base/ids.ts";
import type { ProduceOutcome, RoutedRecord } from "../broker/broker_api.ts";
import type { DurabilityReached, ProduceOptions } from "../broker/types.ts";
import { encodeUtf8 } from "../bytes/utf8.ts";
import type { CborInput } from "../cbor/encode_cbor.ts";
import type { RecordHeader } from "../records/record.ts";
import { isFieldFault, recordFromCbor, recordFromJson } from "../records/record_form.ts";
import { answer, type Exchange } from "./exchange.ts";
import { type HttpAppContext, type PathParameters, topicOf } from "./http_app_context.ts";
import { problemOf } from "./problem.ts";
import { queryReader } from "./query.ts";
import { readBody, readDocument } from "./request_body.ts";
import { produceEnvelopeSchema, produceQuerySchema, rawQuerySchema } from "./schemas.ts";

const readProduceQuery = queryReader(produceQuerySchema);
const readRawQuery = queryReader(rawQuerySchema);

/** From the weakest on: an answer about several partitions names what all of them reached. */
const DURABILITIES: readonly DurabilityReached[] = ["memory", "os", "interval", "fsync", "quorum-fsync"];
const LOG_HEADER = "log-header-";
const IDEMPOTENCY_KEY = "idempotency-key";

/** The body's records and where they stand in it, for the pointers of faults. */
interface RecordList {
  readonly items: readonly unknown[];
  readonly pointerTo: (index: number) => string;
}

export async function produceRecords(
  app: HttpAppContext,
  exchange: Exchange,
  path: PathParameters,
): Promise<Response> {
  const topic = topicOf(path);
  const query = readProduceQuery(exchange.request.url);
  const expectedOffset = expectedOffsetOf(exchange, query.partition);
  const { format, value } = await readDocument(app, exchange);
  const list = recordList(value);
  if (list.items.length === 0) throw new SentinelError("invalid_record", "There are no records");
  if (list.items.length > app.limits.httpRecordsMax) {
    throw new SentinelError(
      "too_large",
      `The request has ${list.items.length} records, and the limit recordsMax is ${app.limits.httpRecordsMax}`,
      { facts: { limit: app.limits.httpRecordsMax } },
    );
  }
  const records = formRecords(list, format === "json" ? recordFromJson : recordFromCbor, query.partition);
  if (expectedOffset !== undefined) refuseOtherPartitions(list, records, query.partition);
  try {
    return await produce(app, exchange, topic, records, produceOptions(query.acks, expectedOffset));
  } catch (thrown) {
    throw thrown instanceof SentinelError ? withPointersInto(list, thrown) : thrown;
  }
}

/** The body, whatever its type, is one value as it is. */
export async function produceRaw(app: HttpAppContext, exchange: Exchange, path: PathParameters): Promise<Response> {
  const topic = topicOf(path);
  const query = readRawQuery(exchange.request.url);
  const expectedOffset = expectedOffsetOf(exchange, query.partition);
  const value = await readBody(app, exchange);
  const key = query.key === undefined ? null : encodeUtf8(query.key);
  const record = { key, value, headers: rawHeaders(exchange.request.headers) };
  const routed: RoutedRecord = query.partition === undefined ? { record } : { record, partition: query.partition };
  return await produce(app, exchange, topic, [routed], produceOptions(query.acks, expectedOffset));
}

async function produce(
  app: HttpAppContext,
  exchange: Exchange,
  topic: string,
  records: readonly RoutedRecord[],
  options: ProduceOptions,
): Promise<Response> {
  const key = idempotencyKeyOf(exchange);
  if (key !== null) {
    const { replayed, outcomes } = await app.broker.produceOnce(topic, key, records, options);
    const headers: Record<string, string> = replayed ? { "idempotency-replayed": "true" } : {};
    return answerOutcomes(exchange, outcomes, records.length, options, headers);
  }
  return answerOutcomes(exchange, await app.broker.produceRecords(topic, records, options), records.length, options);
}

function answerOutcomes(
  exchange: Exchange,
  outcomes: readonly ProduceOutcome[],
  recordCount: number,
  options: ProduceOptions,
  headers?: Readonly<Record<string, string>>,
): Response {
  const failed = outcomes.find((outcome) => !outcome.ok);
  if (failed !== undefined) {
    if (outcomes.every((outcome) => !outcome.ok)) throw asSentinelError(failed.error);
    return answer(exchange, 207, { results: partialResults(outcomes, recordCount, exchange.id) });
  }
  if (options.acks === "none") return answer(exchange, 202, {});
  return answer(exchange, 200, acknowledgement(outcomes, recordCount), headers);
}

function produceOptions(acks: ProduceOptions["acks"], expectedOffset: Offset | undefined): ProduceOptions {
  return expectedOffset === undefined ? { acks } : { acks, expectedOffset };
}

/** An object with `records` is an envelope, a list is its records, anything else is one record. */
function recordList(body: unknown): RecordList {
  if (Array.isArray(body)) return { items: body, pointerTo: (index) => `/${index}` };
  if (typeof body !== "object" || body === null || !Object.hasOwn(body, "records")) {
    return { items: [body], pointerTo: () => "" };
  }
  const records = (body as { readonly records: unknown }).records;
  // The schema's own pass, which copies the list, is only for bodies that it will refuse.
  if (Array.isArray(records) && hasOneMember(body)) {
    return { items: records, pointerTo: (index) => `/records/${index}` };
  }
  const envelope = produceEnvelopeSchema.safeParse(body);
  if (envelope.success) return { items: envelope.data.records, pointerTo: (index) => `/records/${index}` };
  const errors = envelope.error.issues.map((issue) => ({ pointer: `/${issue.path.join("/")}`, detail: issue.message }));
  throw new SentinelError("invalid_record", `The request is not valid: ${errors[0]!.detail}`, { errors });
}

function hasOneMember(body: object): boolean {
  let count = 0;
  for (const name in body) if (Object.hasOwn(body, name) && ++count > 1) return false;
  return count === 1;
}

function formRecords(
  list: RecordList,
  form: typeof recordFromJson,
  partition: PartitionId | undefined,
): RoutedRecord[] {
  const records: RoutedRecord[] = [];
  const faults: FieldFault[] = [];
  for (let index = 0; index < list.items.length; index++) {
    const formed = form(list.items[index], list.pointerTo(index));
    if (isFieldFault(formed)) faults.push(formed);
    else if (formed.partition !== undefined || partition === undefined) records.push(formed);
    else records.push({ record: formed.record, partition });
  }
  if (faults.length === 0) return records;
  const first = faults[0]!;
  throw new SentinelError(
    "invalid_record",
    `${faults.length} of ${list.items.length} records are not valid; at ${
      first.pointer || "the root"
    }: ${first.detail}`,
    { errors: faults },
  );
}

/** With If-Match all records go to the partition whose next offset was named. */
function refuseOtherPartitions(
  list: RecordList,
  records: readonly RoutedRecord[],
  partition: PartitionId | undefined,
): void {
  const other = records.findIndex((routed) => routed.partition !== partition);
  if (other === -1) return;
  const pointer = `${list.pointerTo(other)}/partition`;
  const detail = `With If-Match every record goes to partition ${partition}`;
  throw new SentinelError("invalid_record", detail, { errors: [{ pointer, detail }] });
}

/** `If-Match: "<offset>"`: append only if the partition's next offset is that. */
function expectedOffsetOf(exchange: Exchange, partition: PartitionId | undefined): Offset | undefined {
  const text = exchange.request.headers.get("if-match");
  if (text === null) return undefined;
  const match = /^"(0|[1-9][0-9]{0,15})"$/.exec(text.trim());
  const offset = match === null ? NaN : Number(match[1]);
  if (!Number.isSafeInteger(offset)) {
    throw new SentinelError("invalid_parameter", `If-Match is ${text}, and must be one offset in quotes, as "1042"`);
  }
  if (partition === undefined) {
    throw new SentinelError(
      "invalid_parameter",
      "If-Match needs the parameter partition: offsets belong to a partition",
    );
  }
  return offset;
}

/**
 * `Idempotency-Key: "<key>"`, a string of structured fields (RFC 8941); without its quotes it is the same key. What a key
 * may be is the broker's to say.
 */
function idempotencyKeyOf(exchange: Exchange): string | null {
  const text = exchange.request.headers.get(IDEMPOTENCY_KEY)?.trim();
  if (text === undefined) return null;
  const key = /^"(.*)"$/.exec(text)?.[1] ?? text;
  if (!/["\\]/.test(key)) return key;
  throw new SentinelError("invalid_parameter", `Idempotency-Key is ${text}, and must be one string, as "5f0c-1"`);
}

/** `Log-Header-<name>` headers, and the content type, as headers of the record. HTTP gives names in lower case. */
function rawHeaders(headers: Headers): readonly RecordHeader[] {
  const found: RecordHeader[] = [];
  headers.forEach((text, name) => {
    if (name === "content-type") found.push({ key: name, value: headerBytes(text) });
    else if (name.startsWith(LOG_HEADER) && name.length > LOG_HEADER.length) {
      found.push({ key: name.slice(LOG_HEADER.length), value: headerBytes(text) });
    }
  });
  return found;
}

/** A header's value is bytes, of which runtimes make one character each: back to the bytes that were sent. */
function headerBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit > 0xff) return encodeUtf8(text.toWellFormed())!;
    bytes[at] = unit;
  }
  return bytes;
}

function acknowledgement(outcomes: readonly ProduceOutcome[], recordCount: number): CborInput {
  const acks: CborInput[] = [];
  const offsets: CborInput[] = new Array(recordCount);
  let weakest = DURABILITIES.length - 1;
  for (const outcome of outcomes) {
    if (!outcome.ok) continue;
    const { partition, first, count, durability } = outcome.ack;
    acks.push({ partition, first, count });
    weakest = Math.min(weakest, DURABILITIES.indexOf(durability));
    for (let at = 0; at < outcome.indexes.length; at++) offsets[outcome.indexes[at]!] = [partition, first + at];
  }
  return { acks, offsets, durability: DURABILITIES[weakest]! };
}

/** One row for each record, in the order of the request. */
function partialResults(outcomes: readonly ProduceOutcome[], recordCount: number, requestId: string): CborInput[] {
  const results: CborInput[] = new Array(recordCount);
  for (const outcome of outcomes) {
    const problem = outcome.ok ? null : problemOf(asSentinelError(outcome.error), requestId);
    for (let at = 0; at < outcome.indexes.length; at++) {
      results[outcome.indexes[at]!] = outcome.ok
        ? { partition: outcome.ack.partition, offset: outcome.ack.first + at }
        : { problem };
    }
  }
  return results;
}

/** The broker counts records from `/records/0`; the body may be a list or one record. */
function withPointersInto(list: RecordList, error: SentinelError): SentinelError {
  if (error.errors.length === 0) return error;
  const errors = error.errors.map(({ pointer, detail }) => {
    const match = /^\/records\/([0-9]{1,9})(.*)$/s.exec(pointer);
    return match === null ? { pointer, detail } : { pointer: list.pointerTo(Number(match[1])) + match[2], detail };
  });
  return new SentinelError(error.code, error.message, { errors, facts: error.facts, cause: error.cause });
}
