/** A ledger's prefix, folded into what a start after a crash must find. */
import type { LedgerEvent, PartitionPlace, TopicState } from "./ledger.ts";

/** A record that somebody sent. */
export interface SentRecord {
  readonly connection: string;
  /** Place in the order of sending, of all connections. */
  readonly order: number;
  /** It was refused, or truncated away: it must not be there. */
  isRefused: boolean;
}

export class ExpectedPartition {
  /** By offset: acknowledged to a producer, or shown to a reader. */
  readonly promised = new Map<number, string>();
  /** By digest: everything that was ever sent here. */
  readonly sent = new Map<string, SentRecord>();
  /** Where the log may start, in any order. */
  starts = new Set([0]);
  /** Retention may have moved the start as far as this. */
  startLimit = 0;
  /** Where it is known to start, at least. */
  startMin = 0;
  /** Below it records that are superseded below it may be gone; 0: it was never compacted. */
  cleanedUpTo = 0;
  /** Below it tombstones may be gone. */
  tombstonesUpTo = 0;
}

export interface Expectation {
  /** By topic name: the states that it may be in; null: it is not there. */
  readonly topics: ReadonlyMap<string, readonly (TopicState | null)[]>;
  /** By incarnation, where it was told. */
  readonly topicIds: ReadonlyMap<number, string>;
  /** By group and `topic-partition`: the positions that there may be; null: none. */
  readonly offsets: ReadonlyMap<string, ReadonlyMap<string, readonly (number | null)[]>>;
  /** By group: a generation that somebody was given partitions in. */
  readonly generations: ReadonlyMap<string, number>;
  partition(place: PartitionPlace): ExpectedPartition;
}

export function expectationOf(events: readonly LedgerEvent[]): Expectation {
  const fold = new Fold();
  for (const event of events) fold.apply(event);
  return fold;
}

class Fold implements Expectation {
  readonly topics = new Map<string, (TopicState | null)[]>();
  readonly topicIds = new Map<number, string>();
  readonly offsets = new Map<string, Map<string, readonly (number | null)[]>>();
  readonly generations = new Map<string, number>();
  readonly #partitions = new Map<string, ExpectedPartition>();
  #order = 0;

  partition({ incarnation, partition }: PartitionPlace): ExpectedPartition {
    const key = `${incarnation}-${partition}`;
    let found = this.#partitions.get(key);
    if (found === undefined) this.#partitions.set(key, found = new ExpectedPartition());
    return found;
  }

  apply(event: LedgerEvent): void {
    switch (event.kind) {
      case "topic asked":
        this.topics.set(event.name, [...this.topics.get(event.name) ?? [null], event.state]);
        return;
      case "topic done":
        this.topics.set(event.name, this.topics.get(event.name)!.slice(-1));
        return;
      case "topic refused":
        this.topics.set(event.name, this.topics.get(event.name)!.slice(0, -1));
        return;
      case "topic id":
        this.topicIds.set(event.incarnation, event.topicId);
        return;
      case "produce asked":
      case "produce acked":
      case "produce refused":
        return this.#applyProduce(event);
      case "commit asked":
      case "commit done":
      case "commit told":
        return this.#applyCommit(event);
      case "generation told":
        this.generations.set(event.group, event.generation);
        return;
      default:
        return this.#applyToLog(event, this.partition(event.place));
    }
  }

  /** What was acknowledged or shown is there, or what was asked for after it. */
  #applyCommit(event: LedgerEvent & { kind: `commit ${string}` }): void {
    const { group, place, offset } = event.kind === "commit done" ? event.asked : event;
    let places = this.offsets.get(group);
    if (places === undefined) this.offsets.set(group, places = new Map());
    const possible = places.get(place) ?? [null];
    places.set(place, event.kind === "commit asked" ? [...possible, offset] : possible.slice(possible.indexOf(offset)));
  }

  #applyProduce(event: LedgerEvent & { kind: `produce ${string}` }): void {
    const asked = event.kind === "produce asked" ? event : event.asked;
    const partition = this.partition(asked.place);
    asked.digests.forEach((digest, index) => {
      if (event.kind === "produce asked") {
        partition.sent.set(digest, { connection: asked.connection, order: this.#order++, isRefused: false });
      } else if (event.kind === "produce acked") partition.promised.set(event.first + index, digest);
      else partition.sent.get(digest)!.isRefused = true;
    });
  }

  #applyToLog(
    event: Exclude<
      LedgerEvent,
      { kind: `produce ${string}` | `topic ${string}` | `commit ${string}` | "generation told" }
    >,
    partition: ExpectedPartition,
  ): void {
    switch (event.kind) {
      case "read":
        event.digests.forEach((digest, index) => partition.promised.set(event.first + index, digest));
        return;
      case "start asked":
        if (event.isLimit) partition.startLimit = event.offset;
        else partition.starts.add(event.offset);
        return;
      case "start told":
        partition.startMin = Math.max(partition.startMin, event.offset);
        partition.starts.add(partition.startMin);
        return;
      case "clean asked":
        partition.cleanedUpTo = Math.max(partition.cleanedUpTo, event.upTo);
        if (event.tombstonesGo) partition.tombstonesUpTo = Math.max(partition.tombstonesUpTo, event.upTo);
        return;
      case "truncate asked":
        for (const offset of partition.promised.keys()) {
          if (offset >= event.boundary) this.#withdraw(partition, offset);
        }
        return;
      case "truncate done":
        for (const digest of this.#withdrawn.get(partition) ?? []) partition.sent.get(digest)!.isRefused = true;
    }
  }

  /** Records that a truncation is taking away. */
  readonly #withdrawn = new Map<ExpectedPartition, string[]>();

  #withdraw(partition: ExpectedPartition, offset: number): void {
    this.#withdrawn.set(partition, [...this.#withdrawn.get(partition) ?? [], partition.promised.get(offset)!]);
    partition.promised.delete(offset);
  }
}
