/** The records of a request with an idempotency key: which partition each goes to, and where those that are stored lie. */
import { assert } from "../base/assert.ts";
import type { Replica } from "../cluster/replica.ts";
import { SEQUENCE_MAX } from "../storage/producer_states.ts";
import type { ProduceOutcome, RoutedRecord } from "./broker_api.ts";
import type { Intent, Piece, RouteStep, SequencedRun } from "./idempotency_records.ts";
import type { Run } from "./cut_run.ts";
import type { DurabilityReached } from "./types.ts";

const SEQUENCE_COUNT = SEQUENCE_MAX + 1;

/** The partitions of the records in the order of the request. */
export function routeOf(runs: readonly Run[]): RouteStep[] {
  const partitions: number[] = [];
  for (const { partition, indexes } of runs) for (const index of indexes) partitions[index] = partition;
  const route: [number, number][] = [];
  for (const partition of partitions) {
    const last = route.at(-1);
    if (last !== undefined && last[0] === partition) last[1] += 1;
    else route.push([partition, 1]);
  }
  return route;
}

/** What of a request is not stored yet, by partition. */
export function restOf(
  topic: string,
  records: readonly RoutedRecord[],
  route: readonly RouteStep[],
  landed: readonly Piece[],
): Run[] {
  const rest: Run[] = [];
  for (const [partition, indexes] of indexesByPartition(route)) {
    const left = indexes.slice(countOf(landed, partition));
    if (left.length > 0) {
      rest.push({
        topic,
        partition,
        indexes: left,
        records: left.map((index) => records[index]!.record),
      });
    }
  }
  return rest.sort((left, right) => left.partition - right.partition);
}

/**
 * How much of an attempt's run a partition has. An attempt has its producer id for itself and appends a run at once, so
 * that what is there is the run's beginning, and lies in one piece.
 */
export function landedOf(replica: Replica, intent: Intent, [partition, first, count]: SequencedRun): Piece[] {
  const last = replica.producer(intent.producerId)?.batches.at(-1);
  if (last === undefined) return [];
  const landed = (last.lastSequence - first + SEQUENCE_COUNT) % SEQUENCE_COUNT + 1;
  // The producer's last batch is of a request before this one.
  if (landed > count) return [];
  return [[partition, last.lastOffset + 1 - landed, landed]];
}

/** The stored records as outcomes: one for each piece. */
export function outcomesOf(
  route: readonly RouteStep[],
  pieces: readonly Piece[],
  ack: { readonly durability: DurabilityReached; readonly logStartOf: (partition: number) => number },
): ProduceOutcome[] {
  const left = indexesByPartition(route);
  return pieces.map(([partition, first, count]) => {
    const indexes = left.get(partition)?.splice(0, count) ?? [];
    assert(
      indexes.length === count,
      () => `${count} records of partition ${partition} where ${indexes.length} are due`,
    );
    const { durability } = ack;
    const logStart = ack.logStartOf(partition);
    return { ok: true, ack: { partition, first, count, logAppendTimeMs: -1, logStart, durability }, indexes };
  });
}

function countOf(pieces: readonly Piece[], partition: number): number {
  return pieces.reduce((sum, piece) => sum + (piece[0] === partition ? piece[2] : 0), 0);
}

function indexesByPartition(route: readonly RouteStep[]): Map<number, number[]> {
  const found = new Map<number, number[]>();
  let index = 0;
  for (const [partition, count] of route) {
    const indexes = found.get(partition) ?? [];
    for (let left = count; left > 0; left--) indexes.push(index++);
    found.set(partition, indexes);
  }
  return found;
}
