/**
 * Reads one or several partitions of a topic page by page: asks the broker for batches, opens them and cuts records out
 * of them. Keeps where it is in each partition; that is what a cursor says.
 */
import { SentinelError } from "../base/errors.ts";
import type { Offset, PartitionId } from "../base/ids.ts";
import type { FetchedPartition, PendingFetch, StartOffset } from "../broker/types.ts";
import type { HttpAppContext } from "./http_app_context.ts";
import { FetchedRecords, type PageRecord } from "./fetched_records.ts";

export interface Page {
  readonly records: readonly PageRecord[];
  /** High watermarks by partition, of those that could be read. */
  readonly tails: ReadonlyMap<PartitionId, Offset>;
  /** Partitions that could not be read while others gave records. */
  readonly problems: readonly SentinelError[];
}

export interface PageOptions {
  readonly recordsMax: number;
  /** Bytes of keys, values and headers; the first record comes whatever its size. */
  readonly maxBytes: number;
  /** How long to wait for a first record. */
  readonly waitMs: number;
  /** Where to end, exclusive; for one partition. */
  readonly to?: Offset;
  /** Go on from the nearest offset where the wanted one is gone. */
  readonly clamp: boolean;
}

/** An offset may fall out of the log again while it is clamped, by retention; a reader that loses this race so often is too slow. */
const CLAMPS_MAX = 8;

export class TopicReader {
  readonly topic: string;
  readonly topicId: string;
  readonly #app: HttpAppContext;
  readonly #positions: Map<PartitionId, StartOffset>;
  readonly #partitions: readonly PartitionId[];
  /** Index in `#partitions` of the one that the next page begins with. */
  #firstIndex: number;
  #pending: PendingFetch | null = null;
  #cancelled = false;

  constructor(
    app: HttpAppContext,
    start: {
      readonly topic: string;
      readonly topicId: string;
      readonly positions: Map<PartitionId, StartOffset>;
      readonly first?: PartitionId;
    },
  ) {
    this.#app = app;
    this.topic = start.topic;
    this.topicId = start.topicId;
    this.#positions = start.positions;
    this.#partitions = [...start.positions.keys()];
    this.#firstIndex = Math.max(0, this.#partitions.indexOf(start.first ?? 0));
  }

  /** The partition that the next page begins with. */
  get first(): PartitionId {
    return this.#partitions[this.#firstIndex] ?? 0;
  }

  get isCancelled(): boolean {
    return this.#cancelled;
  }

  /** The offset that is read next, once a page was read. */
  position(partition: PartitionId): Offset {
    const position = this.#positions.get(partition);
    return typeof position === "number" ? position : 0;
  }

  positions(): Offset[] {
    return this.#partitions.map((partition) => this.position(partition));
  }

  /** Ends a wait: the page comes with what is there. Nothing waits afterwards. */
  cancel(): void {
    this.#cancelled = true;
    this.endWait();
  }

  /** Ends the wait of the page that is being read now. */
  endWait(): void {
    this.#pending?.cancel();
  }

  /** Fails with what is wrong with the only partition, or with all of them. */
  async readPage(options: PageOptions): Promise<Page> {
    const clock = this.#app.clock;
    const deadlineMs = clock.monotonicMs() + options.waitMs;
    let leftMs = options.waitMs;
    let clamps = 0;
    while (true) {
      const parts = await this.#fetch(options.maxBytes, leftMs);
      if (options.clamp && clamps++ < CLAMPS_MAX && this.#clampAll(parts)) continue;
      const before = this.positions();
      const page = await this.#cut(parts, options);
      if (page.records.length > 0 || this.#cancelled) return page;
      leftMs = deadlineMs - clock.monotonicMs();
      // Nothing came in the whole wait, or what came has nothing to show (control batches): then the rest is waited for.
      const hasMoved = this.positions().some((position, index) => position !== before[index]);
      if (leftMs <= 0 || !hasMoved) return page;
    }
  }

  async #fetch(maxBytes: number, waitMs: number): Promise<readonly FetchedPartition[]> {
    const count = this.#partitions.length;
    const partitions = this.#partitions.map((_, index) => {
      const partition = this.#partitions[(this.#firstIndex + index) % count]!;
      return { topic: this.topic, partition, offset: this.#positions.get(partition)!, maxBytes };
    });
    this.#pending = this.#app.broker.fetch({
      partitions,
      minBytes: 1,
      waitMs: this.#cancelled ? 0 : waitMs,
      maxBytes,
    });
    try {
      const parts = await this.#pending.result;
      for (const part of parts) {
        if (part.error === undefined) this.#positions.set(part.partition, part.offset);
      }
      return parts;
    } finally {
      this.#pending = null;
    }
  }

  /** Whether an offset was outside its log; then it is inside now. */
  #clampAll(parts: readonly FetchedPartition[]): boolean {
    let moved = false;
    for (const part of parts) {
      if (part.error?.code !== "offset_out_of_range") continue;
      const position = this.#positions.get(part.partition);
      const { earliest, tail } = endsOf(part, part.error);
      if (earliest < 0 || tail < 0) continue;
      const below = typeof position === "number" && position < earliest;
      this.#positions.set(part.partition, below ? earliest : tail);
      moved = true;
    }
    return moved;
  }

  /** Takes a fair share of each partition first and fills the page from whoever has more. */
  async #cut(parts: readonly FetchedPartition[], options: PageOptions): Promise<Page> {
    const tails = new Map<PartitionId, Offset>();
    const problems: SentinelError[] = [];
    const sources: FetchedRecords[] = [];
    for (const part of parts) {
      if (part.error !== undefined) {
        problems.push(this.#faultOf(part, part.error));
        continue;
      }
      tails.set(part.partition, part.highWatermark);
      sources.push(new FetchedRecords(part, this.#app, options.to));
    }
    const records: PageRecord[] = [];
    const room = { recordsLeft: options.recordsMax, bytesLeft: options.maxBytes, isFirst: true };
    const full = sources.filter((source) => source.hasBatches);
    const share = Math.max(1, Math.ceil(options.recordsMax / Math.max(1, full.length)));
    for (const countMax of [share, options.recordsMax]) {
      for (const source of full) {
        if (room.recordsLeft === 0 || room.bytesLeft <= 0) break;
        await source.take(countMax, room, records);
        this.#positions.set(source.partition, source.position);
      }
    }
    const last = records.at(-1);
    if (last !== undefined) {
      this.#firstIndex = (this.#partitions.indexOf(last.partition) + 1) % this.#partitions.length;
    } else if (problems.length > 0) {
      throw problems[0]!;
    }
    return { records, tails, problems };
  }

  /** The partition's own fault, with what helps the caller to go on. */
  #faultOf(part: FetchedPartition, error: SentinelError): SentinelError {
    const facts = error.code === "offset_out_of_range"
      ? { ...error.facts, partition: part.partition, ...endsOf(part, error) }
      : { ...error.facts, partition: part.partition };
    return new SentinelError(error.code, error.message, { errors: error.errors, facts, cause: error.cause });
  }
}

/** Where the log begins and ends: the fault knows it where the partition's answer has no ends. */
function endsOf(part: FetchedPartition, error: SentinelError): { readonly earliest: Offset; readonly tail: Offset } {
  const { earliest, tail } = error.facts;
  return {
    earliest: typeof earliest === "number" ? earliest : part.logStart,
    tail: typeof tail === "number" ? tail : part.highWatermark,
  };
}
