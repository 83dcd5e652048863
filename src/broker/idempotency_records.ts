/**
 * The records of the internal topic that keeps idempotency keys: the key is the topic's id, a space and the caller's key,
 * the value a JSON object, or nothing when the key was given up because nothing was stored for it.
 *
 *   { "type": "intent", "hash", "producerId": "7", "route": [[partition, count], …],
 *     "runs": [[partition, firstSequence, count], …], "landed": [[partition, first, count], …] }
 *   { "type": "answer", "hash", "route", "pieces": [[partition, first, count], …], "durability" }
 *
 * An intent is durable before the first record of its request is appended. After a crash the partitions' producer states
 * tell how much of each run is there.
 */
import type { Offset, PartitionId, ProducerId, TimestampMs } from "../base/ids.ts";
import { decodeUtf8 } from "../bytes/utf8.ts";
import type { RecordInput, StoredRecord } from "../records/record.ts";
import { SEQUENCE_MAX } from "../storage/producer_states.ts";
import type { DurabilityReached } from "./types.ts";

/** So many records of the request, one after another in its order, go to this partition. */
export type RouteStep = readonly [partition: PartitionId, count: number];
/** Records of a request that are stored one after another. */
export type Piece = readonly [partition: PartitionId, first: Offset, count: number];
/** Records of a request that one attempt appends to a partition, with their sequences. */
export type SequencedRun = readonly [partition: PartitionId, firstSequence: number, count: number];

export interface Intent {
  readonly type: "intent";
  readonly hash: string;
  readonly producerId: ProducerId;
  readonly route: readonly RouteStep[];
  readonly runs: readonly SequencedRun[];
  /** What earlier attempts have stored. */
  readonly landed: readonly Piece[];
}

export interface KeyedAnswer {
  readonly type: "answer";
  readonly hash: string;
  readonly route: readonly RouteStep[];
  readonly pieces: readonly Piece[];
  readonly durability: DurabilityReached;
}

export type IdempotencyValue = Intent | KeyedAnswer;

export interface IdempotencyRecord {
  readonly scopedKey: string;
  readonly timestamp: TimestampMs;
  /** Null: the key was given up. */
  readonly value: IdempotencyValue | null;
}

const DURABILITIES: readonly string[] = ["memory", "os", "interval", "fsync", "quorum-fsync"];

export function encodeIdempotencyRecord({ scopedKey, timestamp, value }: IdempotencyRecord): RecordInput {
  const encoder = new TextEncoder();
  const text = value === null
    ? null
    : JSON.stringify(value.type === "intent" ? { ...value, producerId: String(value.producerId) } : value);
  return {
    key: encoder.encode(scopedKey),
    value: text === null ? null : encoder.encode(text),
    headers: [],
    timestamp,
  };
}

/** Null: it is no record of ours. */
export function decodeIdempotencyRecord({ key, value, timestamp }: StoredRecord): IdempotencyRecord | null {
  const scopedKey = key === null ? null : decodeUtf8(key);
  if (scopedKey === null) return null;
  if (value === null) return { scopedKey, timestamp, value: null };
  const decoded = decodeValue(decodeUtf8(value) ?? "");
  return decoded === null ? null : { scopedKey, timestamp, value: decoded };
}

function decodeValue(text: string): IdempotencyValue | null {
  let parsed: Record<string, unknown> | null;
  try {
    parsed = JSON.parse(text) as Record<string, unknown> | null;
  } catch {
    return null;
  }
  if (typeof parsed !== "object" || parsed === null) return null;
  const { type, hash, producerId, durability } = parsed;
  const route = rowsOf(parsed["route"], 2) as RouteStep[] | null;
  if (typeof hash !== "string" || route === null) return null;
  if (type === "answer") {
    const pieces = rowsOf(parsed["pieces"], 3) as Piece[] | null;
    if (pieces === null || typeof durability !== "string" || !DURABILITIES.includes(durability)) return null;
    return { type, hash, route, pieces, durability: durability as DurabilityReached };
  }
  const runs = rowsOf(parsed["runs"], 3) as SequencedRun[] | null;
  const landed = rowsOf(parsed["landed"], 3) as Piece[] | null;
  if (type !== "intent" || runs === null || landed === null || runs.some(([, first]) => first > SEQUENCE_MAX)) {
    return null;
  }
  if (typeof producerId !== "string" || !/^\d{1,16}$/.test(producerId)) return null;
  return { type, hash, producerId: BigInt(producerId), route, runs, landed };
}

/** Rows of `width` whole numbers, or null. */
function rowsOf(value: unknown, width: number): number[][] | null {
  const isRow = (row: unknown): boolean =>
    Array.isArray(row) && row.length === width &&
    row.every((cell) => typeof cell === "number" && Number.isSafeInteger(cell) && cell >= 0);
  return Array.isArray(value) && value.every(isRow) ? value as number[][] : null;
}
