/** The numbers and names that every layer passes on. */

/** Position of a record in its partition: 0, 1, 2, …, at most 2^53 − 1 (JSON and JavaScript hold no larger integer). */
export type Offset = number;
/** Kafka's partition leader epoch, the Raft term of the partition's group. */
export type Epoch = number;
/** Index of a partition inside its topic, from 0. */
export type PartitionId = number;
/** Kafka's broker id. */
export type NodeId = number;
/** Kafka's producer id, an i64. */
export type ProducerId = bigint;
/** Milliseconds since 1970-01-01T00:00Z. */
export type TimestampMs = number;

/** The largest offset there can be. */
export const OFFSET_MAX: Offset = Number.MAX_SAFE_INTEGER;

/** A topic and one of its partitions: how logs, errors and metrics name it. */
export function partitionName(topic: string, partition: PartitionId): string {
  return `${topic}-${partition}`;
}

const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** A Kafka `Uuid` in its text form: 16 bytes as 22 characters of unpadded base64url. */
export function formatUuid(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < 16; at += 3) {
    const word = (bytes[at]! << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    text += BASE64URL[word >>> 18]! + BASE64URL[(word >>> 12) & 63]!;
    if (at + 1 < 16) text += BASE64URL[(word >>> 6) & 63]! + BASE64URL[word & 63]!;
  }
  return text;
}

/** The 16 bytes of a `Uuid`'s text form, or null when `text` is not one. */
export function parseUuid(text: string): Uint8Array | null {
  if (text.length !== 22) return null;
  const bytes = new Uint8Array(16);
  let bits = 0;
  let bitCount = 0;
  let at = 0;
  for (const character of text) {
    const value = BASE64URL.indexOf(character);
    if (value < 0) return null;
    bits = ((bits << 6) | value) & 0xffff;
    bitCount += 6;
    if (bitCount >= 8) {
      bitCount -= 8;
      if (at < 16) bytes[at++] = (bits >>> bitCount) & 0xff;
    }
  }
  return formatUuid(bytes) === text ? bytes : null;
}

/**
 * A new random `Uuid` (version 4), as Kafka makes them: one that starts with `-` is not used, since tools would take it
 * for a flag.
 */
export function makeUuid(fill: (into: Uint8Array) => void): string {
  const bytes = new Uint8Array(16);
  while (true) {
    fill(bytes);
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    const text = formatUuid(bytes);
    if (!text.startsWith("-")) return text;
  }
}
