import { SentinelError } from "../base/errors.ts";
import type { RecordHeader, StoredRecord } from "../records/record.ts";

/**
 * A record of a fetch reply. The broker is not trusted blindly: a map of another form fails with `invalid_request`
 * instead of reaching the application.
 */
export function storedRecordFromCbor(value: unknown): StoredRecord {
  const { offset, timestamp, key, value: content, headers } = Object(value) as Record<string, unknown>;
  if (
    isInteger(offset) && isInteger(timestamp) && isBytesOrNothing(key) && isBytesOrNothing(content) &&
    Array.isArray(headers)
  ) {
    return {
      offset,
      timestamp,
      key: key ?? null,
      value: content ?? null,
      headers: headers.length === 0 ? NO_HEADERS : headers.map(headerFromCbor),
    };
  }
  throw new SentinelError("invalid_request", "The broker sent a record that is not one");
}

const NO_HEADERS: readonly RecordHeader[] = [];

function headerFromCbor(pair: unknown): RecordHeader {
  if (Array.isArray(pair) && pair.length === 2 && typeof pair[0] === "string" && isBytesOrNothing(pair[1])) {
    return { key: pair[0], value: pair[1] ?? null };
  }
  throw new SentinelError("invalid_request", "The broker sent a record header that is not one");
}

function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isBytesOrNothing(value: unknown): value is Uint8Array | null | undefined {
  return value === undefined || value === null || value instanceof Uint8Array;
}
