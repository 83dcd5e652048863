/** What the parts of a log in a store share. */
import { SentinelError } from "../../base/errors.ts";
import type { Offset, PartitionId } from "../../base/ids.ts";
import type { Clock } from "../../platform/clock.ts";
import type { KeyValueStore } from "../key_value_store.ts";
import { LeaderEpochs } from "../log/leader_epochs.ts";
import { TailCache, type TailCacheBudget } from "../log/tail_cache.ts";
import type { LogSettings } from "../partition_log.ts";
import type { ProducerBudget } from "../producer_budget.ts";
import { ProducerStates } from "../producer_states.ts";
import { PartitionKeys } from "./partition_keys.ts";
import { encodePartitionState, type PartitionState } from "./partition_state.ts";
import { StoredBatches } from "./stored_batches.ts";
import { StoredProducers } from "./stored_producers.ts";
import { StoredTimes } from "./stored_times.ts";
import { TreeSegments } from "./tree_segments.ts";

export interface TreeLogPlace {
  readonly store: KeyValueStore;
  readonly clock: Clock;
  /** What errors and logs call it: `orders-0`. */
  readonly name: string;
  /** The 16 bytes of the incarnation's id. */
  readonly topicId: Uint8Array;
  readonly partition: PartitionId;
}

export interface TreeLogBudgets {
  readonly tail: TailCacheBudget;
  readonly producers: ProducerBudget;
}

export class TreeLogState {
  readonly place: TreeLogPlace;
  readonly keys: PartitionKeys;
  readonly stored: StoredBatches;
  readonly times: StoredTimes;
  readonly snapshots: StoredProducers;
  readonly segments: TreeSegments;
  readonly tailCache: TailCache;
  readonly producers: ProducerStates;
  readonly epochs: LeaderEpochs;
  settings: LogSettings;
  startOffset: Offset;
  endOffset: Offset;
  writtenOffset: Offset;
  durableOffset: Offset;
  generation = 0;
  /** Raised when a truncation has moved the end: a sync that began before proves nothing of what comes after. */
  truncations = 0;
  /** Everything below it was under a key map. */
  cleanOffset: Offset;
  /** Below it compaction has written: nothing is cut there. */
  cleanedEnd: Offset;
  /** Below it nothing is left of what was trimmed. */
  removedTo: Offset;
  /** Nothing is left of segments that begin below it. */
  removedBase: Offset = 0;
  /** Bytes above the producers' snapshot: a start reads them. */
  bytesAboveSnapshot = 0;
  failure: SentinelError | null = null;

  constructor(place: TreeLogPlace, settings: LogSettings, budgets: TreeLogBudgets, state: PartitionState) {
    this.place = place;
    this.settings = settings;
    this.keys = new PartitionKeys(place.topicId, place.partition);
    this.stored = new StoredBatches(place.store, this.keys, place.name);
    this.stored.gapsEnd = state.cleanedEnd;
    this.times = new StoredTimes(place.store, this.keys, place.name);
    this.snapshots = new StoredProducers(place.store, this.keys, place.name);
    this.segments = new TreeSegments([], state.active);
    this.tailCache = new TailCache(budgets.tail);
    this.producers = new ProducerStates(budgets.producers);
    this.epochs = state.epochs;
    this.startOffset = state.startOffset;
    this.removedTo = state.removedTo;
    this.endOffset = this.writtenOffset = this.durableOffset = state.endOffset;
    this.cleanOffset = state.cleanOffset;
    this.cleanedEnd = state.cleanedEnd;
  }

  /** What the store is told of the log as it is written, with what is about to change. */
  encode(changes: Partial<PartitionState> = {}): Uint8Array {
    const { startOffset, writtenOffset: endOffset, cleanOffset, cleanedEnd, removedTo, segments: { active } } = this;
    const known = { startOffset, endOffset, cleanOffset, cleanedEnd, removedTo, active, epochs: this.epochs };
    const state = { ...known, ...changes };
    // Epochs of batches that are still queued must not be told before their batches are there; one that a trim to the
    // end has left begins at the end.
    const isQueued = this.endOffset > this.writtenOffset;
    const starts = state.epochs.starts.filter((start) => !isQueued || start.startOffset < state.endOffset);
    return encodePartitionState({ ...state, epochs: new LeaderEpochs(starts) });
  }

  get clock(): Clock {
    return this.place.clock;
  }

  outOfRange(offset: Offset): SentinelError {
    const { startOffset, endOffset } = this;
    const detail = `Offset ${offset} is outside ${this.place.name}, which holds ${startOffset} to ${endOffset}`;
    return new SentinelError("offset_out_of_range", detail, { facts: { earliest: startOffset, tail: endOffset } });
  }

  closedError(): SentinelError {
    return new SentinelError("storage_error", `The log ${this.place.name} is closed`);
  }
}
