/** The record form (record_form.ts) in CBOR: what `decodeCbor` gives, and what `encodeCbor` takes. */
import type { FieldFault } from "../base/errors.ts";
import type { Offset, PartitionId, TimestampMs } from "../base/ids.ts";
import type { StoredRecord } from "./record.ts";
import {
  fieldFault,
  type FormedRecord,
  formMembers,
  formRecord,
  isFieldFault,
  textBytes,
} from "./record_form_parts.ts";

/** A record on its way out. A type and not an interface, so that it counts as an object with any text for a key. */
export type CborRecord = {
  partition?: PartitionId;
  offset: Offset;
  timestamp: TimestampMs;
  /** Left out when the record has none. */
  key?: Uint8Array;
  /** Null: a tombstone. */
  value: Uint8Array | null;
  headers: readonly (readonly [name: string, value: Uint8Array | null])[];
};

/** The record in a decoded CBOR value at `pointer` of its body, or its first fault. Byte strings stay views. */
export function recordFromCbor(value: unknown, pointer: string): FormedRecord | FieldFault {
  const members = formMembers(value);
  if (members === null) return fieldFault(pointer, "A record is a map");
  const key = members["key"] === undefined ? null : bytesFromCbor(members["key"], `${pointer}/key`);
  if (isFieldFault(key)) return key;
  if (members["value"] === undefined) return fieldFault(pointer, "A record needs a value; null is a tombstone");
  const valueBytes = bytesFromCbor(members["value"], `${pointer}/value`);
  if (isFieldFault(valueBytes)) return valueBytes;
  return formRecord(members, pointer, { key, value: valueBytes, headerValue: bytesFromCbor });
}

/** The form of a stored record; `partition` only where the answer is about several. */
export function recordToCbor(record: StoredRecord, partition?: PartitionId): CborRecord {
  const { offset, timestamp, key, value } = record;
  const headers = record.headers.map((header) => [header.key, header.value] as const);
  const form: CborRecord = partition === undefined
    ? { offset, timestamp, value, headers }
    : { partition, offset, timestamp, value, headers };
  if (key !== null) form.key = key;
  return form;
}

function bytesFromCbor(value: unknown, pointer: string): Uint8Array | null | FieldFault {
  if (value === null || value instanceof Uint8Array) return value;
  if (typeof value === "string") return textBytes(value, pointer);
  return fieldFault(pointer, "Neither a byte string nor a text string nor null");
}
