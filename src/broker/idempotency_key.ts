/** What an idempotency key is bound to, and what tells one request from another. */
import { sha256 } from "@noble/hashes/sha2.js";
import { SentinelError } from "../base/errors.ts";
import type { Offset } from "../base/ids.ts";
import { LIMITS } from "../base/limits.ts";
import { encodeBase64 } from "../bytes/base64.ts";
import { ByteWriter } from "../bytes/byte_writer.ts";
import type { RoutedRecord } from "./broker_api.ts";

/** Visible ASCII. */
const KEY_REGEXP = /^[\x21-\x7e]+$/;

/** Fails with `invalid_parameter` unless the key is 1 to 255 visible ASCII characters. */
export function assertIdempotencyKey(key: string): void {
  if (key.length <= LIMITS.idempotencyKeyCharsMax && KEY_REGEXP.test(key)) return;
  throw new SentinelError(
    "invalid_parameter",
    `The idempotency key must be 1 to ${LIMITS.idempotencyKeyCharsMax} visible ASCII characters`,
  );
}

/** Keys belong to one incarnation of a topic; a topic id has no space. */
export function scopedKey(topicId: string, key: string): string {
  return `${topicId} ${key}`;
}

/** SHA-256 over all that a produce request says, so that no other request has it. */
export function requestHash(records: readonly RoutedRecord[], expectedOffset: Offset | undefined): string {
  const hash = sha256.create();
  const front = new ByteWriter();
  front.int64(expectedOffset ?? -1);
  const bytes = (value: Uint8Array | null): void => {
    front.int32(value === null ? -1 : value.length);
    hash.update(front.written);
    front.at = 0;
    if (value !== null) hash.update(value);
  };
  const encoder = new TextEncoder();
  for (const { record, partition } of records) {
    front.int32(partition ?? -1);
    front.int64(record.timestamp ?? -1);
    front.int32(record.headers.length);
    bytes(record.key);
    bytes(record.value);
    for (const { key, value } of record.headers) {
      bytes(encoder.encode(key));
      bytes(value);
    }
  }
  hash.update(front.written);
  return encodeBase64(hash.digest());
}
