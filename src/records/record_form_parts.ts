/** What the two record forms (record_form.ts) share: headers, timestamp, partition, and how faults are named. */
import type { FieldFault } from "../base/errors.ts";
import type { PartitionId, TimestampMs } from "../base/ids.ts";
import { LIMITS } from "../base/limits.ts";
import { encodeUtf8 } from "../bytes/utf8.ts";
import type { RecordHeader, RecordInput } from "./record.ts";

/** A record that was read from a body, and the partition that it names, if it does. */
export interface FormedRecord {
  readonly record: RecordInput;
  readonly partition?: PartitionId;
}

/** Kafka's partition numbers are int32. */
const PARTITION_MAX = 2_147_483_647;

/** The form's members, by name, of a value that is an object; null for another value. */
export function formMembers(value: unknown): Readonly<Record<string, unknown>> | null {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Uint8Array);
  return isObject ? value as Readonly<Record<string, unknown>> : null;
}

/** Whether reading a part of the form gave a fault in place of a value. */
export function isFieldFault(read: object | string | null): read is FieldFault {
  return typeof read === "object" && read !== null && "pointer" in read;
}

/** The fault `detail` at `pointer` (RFC 6901). */
export function fieldFault(pointer: string, detail: string): FieldFault {
  return { pointer, detail };
}

/** A text's UTF-8 bytes, or the fault that it has a lone surrogate. */
export function textBytes(text: string, pointer: string): Uint8Array | FieldFault {
  return encodeUtf8(text) ?? fieldFault(pointer, "The text has a lone surrogate, which UTF-8 cannot say");
}

/** The parts of the form that JSON and CBOR read alike, put together. */
export function formRecord(
  members: Readonly<Record<string, unknown>>,
  pointer: string,
  parts: {
    readonly key: Uint8Array | null;
    readonly value: Uint8Array | null;
    readonly headerValue: (value: unknown, pointer: string) => Uint8Array | null | FieldFault;
  },
): FormedRecord | FieldFault {
  const headers = readHeaders(members["headers"], `${pointer}/headers`, parts.headerValue);
  if (isFieldFault(headers)) return headers;
  const timestamp = members["timestamp"];
  if (timestamp !== undefined && !isIntegerUpTo(timestamp, Number.MAX_SAFE_INTEGER)) {
    return fieldFault(
      `${pointer}/timestamp`,
      "A timestamp is an integer of milliseconds since 1970, from 0 to 2^53 - 1",
    );
  }
  const partition = members["partition"];
  if (partition !== undefined && !isIntegerUpTo(partition, PARTITION_MAX)) {
    return fieldFault(`${pointer}/partition`, `A partition is an integer from 0 to ${PARTITION_MAX}`);
  }
  const { key, value } = parts;
  const record: RecordInput = timestamp === undefined
    ? { key, value, headers }
    : { key, value, headers, timestamp: timestamp satisfies TimestampMs };
  return partition === undefined ? { record } : { record, partition };
}

const NO_HEADERS: readonly RecordHeader[] = [];

function readHeaders(
  value: unknown,
  pointer: string,
  headerValue: (value: unknown, pointer: string) => Uint8Array | null | FieldFault,
): readonly RecordHeader[] | FieldFault {
  if (value === undefined) return NO_HEADERS;
  if (!Array.isArray(value)) return fieldFault(pointer, "Headers are a list of [name, value] pairs");
  if (value.length > LIMITS.recordHeadersMax) {
    return fieldFault(pointer, `${value.length} headers are above the limit of ${LIMITS.recordHeadersMax}`);
  }
  const headers: RecordHeader[] = [];
  for (let index = 0; index < value.length; index++) {
    const pair: unknown = value[index];
    if (!Array.isArray(pair) || pair.length !== 2) {
      return fieldFault(`${pointer}/${index}`, "A header is a [name, value] pair");
    }
    const name: unknown = pair[0];
    if (typeof name !== "string") return fieldFault(`${pointer}/${index}/0`, "A header's name is a text");
    if (!name.isWellFormed()) return fieldFault(`${pointer}/${index}/0`, "The name has a lone surrogate");
    const bytes = headerValue(pair[1], `${pointer}/${index}/1`);
    if (isFieldFault(bytes)) return bytes;
    headers.push({ key: name, value: bytes });
  }
  return headers;
}

function isIntegerUpTo(value: unknown, max: number): value is number {
  return Number.isSafeInteger(value) && typeof value === "number" && value >= 0 && value <= max;
}
