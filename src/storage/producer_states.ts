/**
 * What a partition knows of its idempotent producers (protocol notes §8; Kafka's ProducerStateManager): for each
 * producer id its epoch and its last batches. A pure machine that follows the log: every appended batch is noted, what
 * is cut back is taken back, and at a start a snapshot and the batches above it are fed in. Time comes from the caller,
 * and is monotonic: a wall clock that jumps forgets no producer.
 *
 * Batches are checked against what is *appended*, not only what is durable: a producer has up to five batches under way.
 * So a duplicate may be one of a batch that is not durable yet, and whoever answers it waits as for the original.
 *
 * A trim or retention takes nothing away here: a producer is forgotten when it has been silent for a day. The compaction
 * of a log must keep each active producer's last batch (`lastOffsets`; an empty one will do, as in Kafka): a replay
 * without a snapshot would forget its sequence otherwise.
 */
import type { Offset, ProducerId, TimestampMs } from "../base/ids.ts";
import type { ErrorCode } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { RecordBatch } from "../records/record_batch.ts";
import type { ProducerBudget } from "./producer_budget.ts";

/** After it a sequence number is 0 again. */
export const SEQUENCE_MAX = 2_147_483_647;

/** A batch that a producer has written. */
export interface ProducerBatch {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly baseOffset: Offset;
  readonly lastOffset: Offset;
  /** The batch's largest timestamp. */
  readonly timestamp: TimestampMs;
}

/** One producer. Never changed: the next batch makes a new one. */
export interface ProducerState {
  readonly producerId: ProducerId;
  readonly epoch: number;
  /** The last ones of this epoch, oldest first; 1 to `producerBatchesMax`. */
  readonly batches: readonly ProducerBatch[];
}

/** What is to become of a batch. */
export type ProducerVerdict =
  | { readonly kind: "append" }
  /** It is in the log already. */
  | { readonly kind: "duplicate"; readonly original: ProducerBatch }
  | { readonly kind: "refused"; readonly code: ErrorCode; readonly detail: string };

interface Known {
  readonly state: ProducerState;
  /** When it last wrote, or when it was restored. */
  readonly seenMs: number;
}

/** An append that may still be taken back. */
interface Undo {
  readonly baseOffset: Offset;
  readonly producerId: ProducerId;
  readonly previous: Known | undefined;
}

const APPEND: ProducerVerdict = { kind: "append" };

export class ProducerStates {
  /** The one that was silent for the longest time comes first. */
  readonly #known = new Map<ProducerId, Known>();
  /** In the order of their offsets; bounded by what the log's queue takes. */
  readonly #undo: Undo[] = [];
  readonly #budget: ProducerBudget;
  readonly #producersMax: number;

  constructor(budget: ProducerBudget, producersMax: number = LIMITS.partitionProducersMax) {
    this.#budget = budget;
    this.#producersMax = producersMax;
  }

  get size(): number {
    return this.#known.size;
  }

  /** What becomes of a batch that has a producer id, before it gets an offset. */
  check(batch: RecordBatch, nowMs: number): ProducerVerdict {
    const { producerId, producerEpoch: epoch, baseSequence: firstSequence } = batch;
    const known = this.get(producerId, nowMs);
    if (known === null) return this.#hasRoom(nowMs) ? APPEND : this.#full();
    const who = `Producer ${producerId} with epoch ${epoch}`;
    const last = known.batches.at(-1)!;
    if (epoch === known.epoch) {
      const lastSequence = sequenceAfter(firstSequence, batch.lastOffsetDelta);
      const original = known.batches.find((each) =>
        each.firstSequence === firstSequence && each.lastSequence === lastSequence
      );
      if (original !== undefined) return { kind: "duplicate", original };
      const due = sequenceAfter(last.lastSequence, 1);
      if (firstSequence === due) return APPEND;
      return refused("out_of_order_sequence", `${who} sent sequence ${firstSequence} where ${due} is due`);
    }
    if (epoch < known.epoch) {
      return refused("invalid_producer_epoch", `${who} is not the newest: its epoch is ${known.epoch}`);
    }
    if (firstSequence === 0) return APPEND;
    return refused("out_of_order_sequence", `${who} begins the epoch with sequence ${firstSequence}, not 0`);
  }

  /** Notes a batch that has its offset, unless it has no producer id; `cutBackTo` may take it back until `noteWritten`. */
  append(batch: RecordBatch, nowMs: number): void {
    if (!isSequenced(batch)) return;
    const { producerId, baseOffset } = batch;
    this.#undo.push({ baseOffset, producerId, previous: this.#known.get(producerId) });
    this.#note(batch, nowMs);
  }

  /** Everything below `offset` will not be taken back. */
  noteWritten(offset: Offset): void {
    let count = 0;
    while (count < this.#undo.length && this.#undo[count]!.baseOffset < offset) count += 1;
    if (count > 0) this.#undo.splice(0, count);
  }

  /** Takes back what was appended at or above `endOffset`: those sequences will come again, as new ones. */
  cutBackTo(endOffset: Offset): void {
    while (this.#undo.length > 0 && this.#undo.at(-1)!.baseOffset >= endOffset) {
      const { producerId, previous } = this.#undo.pop()!;
      this.#forget(producerId);
      if (previous !== undefined) this.#put(producerId, previous);
    }
  }

  /** The producers as they were when the log ended at `offset`, which is at or above all that is written. */
  statesAt(offset: Offset): ProducerState[] {
    const taken = new Map<ProducerId, Known | undefined>();
    for (let at = this.#undo.length - 1; at >= 0 && this.#undo[at]!.baseOffset >= offset; at -= 1) {
      taken.set(this.#undo[at]!.producerId, this.#undo[at]!.previous);
    }
    const states: ProducerState[] = [];
    for (const [producerId, known] of this.#known) {
      const then = taken.has(producerId) ? taken.get(producerId) : known;
      taken.delete(producerId);
      if (then !== undefined) states.push(then.state);
    }
    return states;
  }

  // -- Restoring ----------------------------------------------------------------------------------------------------

  /** Forgets everything and takes over a snapshot's producers; all of them count as seen now. */
  restore(states: readonly ProducerState[], nowMs: number): void {
    this.clear();
    for (const state of states) this.#putBounded(state, nowMs);
  }

  /** Notes a batch of the log above the snapshot. It was checked when it was appended. */
  replay(batch: RecordBatch, nowMs: number): void {
    if (isSequenced(batch)) this.#note(batch, nowMs);
  }

  clear(): void {
    this.#budget.producers -= this.#known.size;
    this.#known.clear();
    this.#undo.length = 0;
  }

  // -- Asking -------------------------------------------------------------------------------------------------------

  /** A producer, or null when it is not known or was silent for too long. */
  get(producerId: ProducerId, nowMs: number): ProducerState | null {
    const known = this.#known.get(producerId);
    return known === undefined || isExpired(known, nowMs) ? null : known.state;
  }

  /** All producers that were not silent for too long. */
  active(nowMs: number): ProducerState[] {
    return [...this.#known.values()].filter((known) => !isExpired(known, nowMs)).map(({ state }) => state);
  }

  /** For compaction: the last offset of each active producer's last batch. That batch must stay, if only its header. */
  lastOffsets(nowMs: number): Map<ProducerId, Offset> {
    return new Map(this.active(nowMs).map((state) => [state.producerId, state.batches.at(-1)!.lastOffset]));
  }

  /** Forgets who was silent for too long. */
  expire(nowMs: number): void {
    for (const [producerId, known] of this.#known) {
      if (!isExpired(known, nowMs)) break;
      this.#forget(producerId);
    }
  }

  // -- Inside -------------------------------------------------------------------------------------------------------

  #note(batch: RecordBatch, nowMs: number): void {
    const { producerId, producerEpoch: epoch, baseSequence: firstSequence, baseOffset, lastOffset } = batch;
    const known = this.#known.get(producerId);
    const kept = known !== undefined && known.state.epoch === epoch ? known.state.batches : [];
    const added: ProducerBatch = {
      firstSequence,
      lastSequence: sequenceAfter(firstSequence, batch.lastOffsetDelta),
      baseOffset,
      lastOffset,
      timestamp: batch.maxTimestamp,
    };
    const batches = [...kept.slice(-(LIMITS.producerBatchesMax - 1)), added];
    this.#putBounded({ producerId, epoch, batches }, nowMs);
  }

  /** A log may tell of more producers than there is room for: the ones that were silent for the longest time go. */
  #putBounded(state: ProducerState, nowMs: number): void {
    this.#forget(state.producerId);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size < this.#producersMax) break;
      this.#forget(oldest);
    }
    this.#put(state.producerId, { state, seenMs: nowMs });
  }

  /** Whether a new producer can be taken: who has been silent for longer than any client retries makes room. */
  #hasRoom(nowMs: number): boolean {
    this.expire(nowMs);
    const isFull = (): boolean => this.#known.size >= this.#producersMax || this.#budget.isFull;
    for (const [oldest, { seenMs }] of this.#known) {
      if (!isFull() || nowMs - seenMs < LIMITS.producerSilentMsMin) break;
      this.#forget(oldest);
    }
    return !isFull();
  }

  #full(): ProducerVerdict {
    const detail = `The partition knows ${this.#known.size} producers, the broker ${this.#budget.producers}, ` +
      "and has no room for another";
    return refused("overloaded", detail);
  }

  #put(producerId: ProducerId, known: Known): void {
    this.#known.set(producerId, known);
    this.#budget.producers += 1;
  }

  #forget(producerId: ProducerId): void {
    if (this.#known.delete(producerId)) this.#budget.producers -= 1;
  }
}

/** The sequence `count` records after `sequence`: after 2^31 − 1 comes 0. */
export function sequenceAfter(sequence: number, count: number): number {
  return (sequence + count) % (SEQUENCE_MAX + 1);
}

/** Control batches have a producer id and no sequence. */
function isSequenced(batch: RecordBatch): boolean {
  return batch.hasProducerId && batch.baseSequence >= 0;
}

function isExpired({ seenMs }: Known, nowMs: number): boolean {
  return nowMs - seenMs >= LIMITS.producerIdExpirationMs;
}

function refused(code: ErrorCode, detail: string): ProducerVerdict {
  return { kind: "refused", code, detail };
}
