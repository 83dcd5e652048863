/** The record form (record_form.ts) in JSON: what `JSON.parse` gives, and what `JSON.stringify` takes. */
import type { FieldFault } from "../base/errors.ts";
import type { Offset, PartitionId, TimestampMs } from "../base/ids.ts";
import { LIMITS } from "../base/limits.ts";
import { decodeBase64, encodeBase64 } from "../bytes/base64.ts";
import { decodeUtf8 } from "../bytes/utf8.ts";
import type { StoredRecord } from "./record.ts";
import {
  fieldFault,
  type FormedRecord,
  formMembers,
  formRecord,
  isFieldFault,
  textBytes,
} from "./record_form_parts.ts";

/** A header's value on its way out. */
export type JsonHeaderValue = string | null | { readonly b64: string };

/** A record on its way out. A key that the record does not have is left out; a null value is a tombstone. */
export interface JsonRecord {
  partition?: PartitionId;
  offset: Offset;
  timestamp: TimestampMs;
  key?: string;
  /** In place of `key` where the bytes are not UTF-8. */
  keyB64?: string;
  value?: string | null;
  /** In place of `value` where the bytes are not UTF-8. */
  valueB64?: string;
  headers: readonly (readonly [name: string, value: JsonHeaderValue])[];
}

/**
 * The record in a parsed JSON value at `pointer` of its body, or its first fault.
 *
 * A value that is an object, a list, a number or a boolean becomes its compact JSON. An integer beyond 2^53 in it is a
 * fault: the parser has already changed it, and the caller should send it as a text or as bytes.
 */
export function recordFromJson(value: unknown, pointer: string): FormedRecord | FieldFault {
  const members = formMembers(value);
  if (members === null) return fieldFault(pointer, "A record is an object");
  const key = readKey(members, pointer);
  if (isFieldFault(key)) return key;
  const valueBytes = readValue(members, pointer);
  if (isFieldFault(valueBytes)) return valueBytes;
  return formRecord(members, pointer, { key, value: valueBytes, headerValue: headerFromJson });
}

/** The form of a stored record; `partition` only where the answer is about several. */
export function recordToJson(record: StoredRecord, partition?: PartitionId): JsonRecord {
  const { offset, timestamp, key, value } = record;
  const form: JsonRecord = partition === undefined
    ? { offset, timestamp, headers: [] }
    : { partition, offset, timestamp, headers: [] };
  if (key !== null) {
    const text = decodeUtf8(key);
    if (text === null) form.keyB64 = encodeBase64(key);
    else form.key = text;
  }
  const text = value === null ? null : decodeUtf8(value);
  if (value !== null && text === null) form.valueB64 = encodeBase64(value);
  else form.value = text;
  if (record.headers.length > 0) {
    form.headers = record.headers.map((header) => [header.key, headerToJson(header.value)] as const);
  }
  return form;
}

function readKey(members: Readonly<Record<string, unknown>>, pointer: string): Uint8Array | null | FieldFault {
  const { key, keyB64 } = members;
  if (keyB64 !== undefined) {
    if (key !== undefined) return fieldFault(pointer, "Both key and keyB64");
    return bytesFromBase64(keyB64, `${pointer}/keyB64`);
  }
  if (key === undefined || key === null) return null;
  if (typeof key !== "string") {
    return fieldFault(`${pointer}/key`, "A key is a text or null; for other bytes use keyB64");
  }
  return textBytes(key, `${pointer}/key`);
}

function readValue(members: Readonly<Record<string, unknown>>, pointer: string): Uint8Array | null | FieldFault {
  const { value, valueB64 } = members;
  if (valueB64 !== undefined) {
    if (value !== undefined) return fieldFault(pointer, "Both value and valueB64");
    return bytesFromBase64(valueB64, `${pointer}/valueB64`);
  }
  if (value === undefined) return fieldFault(pointer, "Neither value nor valueB64; a null value is a tombstone");
  if (value === null) return null;
  if (typeof value === "string") return textBytes(value, `${pointer}/value`);
  const fault = refuseJson(value, LIMITS.bodyDepthMax);
  if (fault !== null) return fieldFault(`${pointer}/value${fault.pointer}`, fault.detail);
  return textBytes(JSON.stringify(value), `${pointer}/value`);
}

function bytesFromBase64(text: unknown, pointer: string): Uint8Array | FieldFault {
  if (typeof text !== "string") return fieldFault(pointer, "Base64 is a text");
  return decodeBase64(text) ?? fieldFault(pointer, "The text is not base64");
}

function headerFromJson(value: unknown, pointer: string): Uint8Array | null | FieldFault {
  if (value === null) return null;
  if (typeof value === "string") return textBytes(value, pointer);
  const b64 = formMembers(value)?.["b64"];
  if (b64 === undefined) return fieldFault(pointer, 'A header\'s value is a text, {"b64": …} or null');
  return bytesFromBase64(b64, `${pointer}/b64`);
}

function headerToJson(value: Uint8Array | null): JsonHeaderValue {
  if (value === null) return null;
  return decodeUtf8(value) ?? { b64: encodeBase64(value) };
}

/**
 * What would not come out of `JSON.stringify` as it came in; `depthLeft` more containers may open. The fault's pointer is
 * relative to `value`: pointers are put together only where there is a fault.
 */
function refuseJson(value: unknown, depthLeft: number): FieldFault | null {
  if (typeof value === "string") {
    return value.isWellFormed() ? null : fieldFault("", "The text has a lone surrogate, which UTF-8 cannot say");
  }
  if (typeof value === "number") {
    // A number too large for a double parses as Infinity, which JSON.stringify turns into null.
    const isKept = Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value));
    return isKept ? null : fieldFault("", "An integer beyond 2^53: send it as a text or as bytes");
  }
  if (typeof value !== "object" || value === null) return null;
  if (depthLeft === 0) return fieldFault("", `The nesting is deeper than ${LIMITS.bodyDepthMax}`);
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const fault = refuseJson(value[index], depthLeft - 1);
      if (fault !== null) return fieldFault(`/${index}${fault.pointer}`, fault.detail);
    }
    return null;
  }
  for (const [name, member] of Object.entries(value)) {
    if (!name.isWellFormed()) return fieldFault("", "A name has a lone surrogate");
    const fault = refuseJson(member, depthLeft - 1);
    if (fault !== null) return fieldFault(`/${escapePointer(name)}${fault.pointer}`, fault.detail);
  }
  return null;
}

/** A member's name inside a JSON pointer (RFC 6901 §3). */
function escapePointer(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}
