/**
 * The positions that a group has committed. Only durable ones are here: a position that a reader got must not vanish
 * with the next crash (I30). Commits under way are counted, so that a deletion covers them too.
 */
import type { TimestampMs } from "../../base/ids.ts";
import type { CommittedOffset, OffsetToCommit, TopicPartition } from "./group_types.ts";

interface Slot {
  committed: CommittedOffset | null;
  /** Commits that are appended and not durable yet. */
  inFlight: number;
}

/** What all groups of a coordinator have together. */
export interface OffsetTotals {
  positions: number;
}

export class GroupOffsets {
  readonly #totals: OffsetTotals;
  readonly #topics = new Map<string, Map<number, Slot>>();
  #count = 0;

  constructor(totals: OffsetTotals) {
    this.#totals = totals;
  }

  /** Positions that are durable. */
  get count(): number {
    return this.#count;
  }

  /** Nothing is committed or under way. */
  get isEmpty(): boolean {
    return this.#topics.size === 0;
  }

  get(topic: string, partition: number): CommittedOffset | null {
    return this.#topics.get(topic)?.get(partition)?.committed ?? null;
  }

  /** What is durable, topics and partitions in the order of their first commit. */
  *committed(): IterableIterator<OffsetToCommit> {
    for (const [topic, partitions] of this.#topics) {
      for (const [partition, { committed }] of partitions) {
        if (committed !== null) yield { topic, partition, committed };
      }
    }
  }

  /** Every partition that has a position or a commit under way. */
  partitions(): TopicPartition[] {
    return [...this.#topics].flatMap(([topic, slots]) => [...slots.keys()].map((partition) => ({ topic, partition })));
  }

  begin(offsets: readonly TopicPartition[]): void {
    for (const { topic, partition } of offsets) this.#slot(topic, partition).inFlight += 1;
  }

  /** Ends what `begin` began: with the positions, or without when they could not be stored. */
  settle(offsets: readonly OffsetToCommit[], isStored: boolean): void {
    for (const { topic, partition, committed } of offsets) {
      const slot = this.#slot(topic, partition);
      slot.inFlight -= 1;
      if (isStored) this.#store(slot, committed);
      this.#dropVacant(topic, partition, slot);
    }
  }

  /** As the log says it: at the start, and when a deletion is durable. */
  apply(topic: string, partition: number, committed: CommittedOffset | null): void {
    const slot = this.#slot(topic, partition);
    this.#store(slot, committed);
    this.#dropVacant(topic, partition, slot);
  }

  /**
   * Positions whose time is over. `baseMs` says from when the retention of a position counts, or null while it does not.
   */
  expired(
    nowMs: TimestampMs,
    retentionMs: number,
    baseMs: (offset: OffsetToCommit) => TimestampMs | null,
  ): TopicPartition[] {
    const found: TopicPartition[] = [];
    for (const offset of this.committed()) {
      const { topic, partition, committed } = offset;
      const base = baseMs(offset);
      if (base === null || this.#slot(topic, partition).inFlight > 0) continue;
      const isOver = committed.expireTimestampMs >= 0
        ? nowMs >= committed.expireTimestampMs
        : nowMs - base >= retentionMs;
      if (isOver) found.push({ topic, partition });
    }
    return found;
  }

  #slot(topic: string, partition: number): Slot {
    let partitions = this.#topics.get(topic);
    if (partitions === undefined) {
      partitions = new Map();
      this.#topics.set(topic, partitions);
    }
    let slot = partitions.get(partition);
    if (slot === undefined) {
      slot = { committed: null, inFlight: 0 };
      partitions.set(partition, slot);
    }
    return slot;
  }

  #store(slot: Slot, committed: CommittedOffset | null): void {
    const step = (committed === null ? 0 : 1) - (slot.committed === null ? 0 : 1);
    this.#count += step;
    this.#totals.positions += step;
    slot.committed = committed;
  }

  #dropVacant(topic: string, partition: number, slot: Slot): void {
    if (slot.committed !== null || slot.inFlight > 0) return;
    const partitions = this.#topics.get(topic)!;
    partitions.delete(partition);
    if (partitions.size === 0) this.#topics.delete(topic);
  }
}
