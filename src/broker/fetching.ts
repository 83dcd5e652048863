/**
 * Reading with patience: a fetch takes what there is, and when that is less than it asked for, waits until a high
 * watermark rises or its time is over. A waiting fetch is one timer and one entry in each of its replicas.
 */
import type { Offset } from "../base/ids.ts";
import { asSentinelError, SentinelError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { OfflineReplica } from "../cluster/offline_replica.ts";
import type { Replica } from "../cluster/replica.ts";
import type { Cancel, Clock } from "../platform/clock.ts";
import type { RecordBatch } from "../records/record_batch.ts";
import { replicaOf } from "./topics.ts";
import type { Topics } from "./topics.ts";
import { checkEpoch } from "./offset_lookup.ts";
import type { LatencyHistogram } from "./latency_histogram.ts";
import type {
  BrokerCounters,
  EpochEnd,
  FetchedPartition,
  FetchPartition,
  FetchRequest,
  PendingFetch,
  StartOffset,
} from "./types.ts";

export interface FetchingOptions {
  readonly topics: Topics;
  readonly clock: Clock;
  readonly counters: BrokerCounters;
  /** Time of the reads alone: a wait that the caller asked for is no latency. */
  readonly latency: LatencyHistogram;
}

export class Fetching {
  readonly #options: FetchingOptions;
  readonly #waiting = new Set<WaitingFetch>();
  #isStopping = false;

  constructor(options: FetchingOptions) {
    this.#options = options;
  }

  fetch(request: FetchRequest): PendingFetch {
    const fetch = new WaitingFetch(request, this.#options, this.#isStopping ? null : this.#waiting);
    return { result: fetch.run(), cancel: () => fetch.finish() };
  }

  /** Ends all waits with what is there; later fetches do not wait. */
  stop(): void {
    this.#isStopping = true;
    for (const fetch of [...this.#waiting]) fetch.finish();
  }
}

/** One partition of a fetch, its start resolved once: `latest` must not run ahead while the fetch waits. */
interface Target {
  readonly request: FetchPartition;
  readonly replica: Replica | null;
  readonly offset: Offset;
  readonly error: SentinelError | null;
}

class WaitingFetch {
  readonly #request: FetchRequest;
  readonly #options: FetchingOptions;
  /** Null: waiting is over for everyone. */
  readonly #waiting: Set<WaitingFetch> | null;
  readonly #targets: readonly Target[];
  #wake: (() => void) | null = null;
  #isFinished = false;
  #hasAdvanced = false;

  constructor(request: FetchRequest, options: FetchingOptions, waiting: Set<WaitingFetch> | null) {
    this.#request = request;
    this.#options = options;
    this.#waiting = waiting;
    this.#targets = request.partitions.map((partition) => this.#targetOf(partition));
  }

  /** Ends the wait: the promise resolves with what is there. */
  finish(): void {
    this.#isFinished = true;
    this.#wake?.();
  }

  async run(): Promise<readonly FetchedPartition[]> {
    let answer = await this.#readAll();
    if (this.#isEnough(answer) || this.#request.waitMs <= 0 || this.#waiting === null || this.#isFinished) {
      return this.#count(answer);
    }
    if (this.#waiting.size >= LIMITS.fetchWaitsMax) {
      throw new SentinelError("overloaded", `${this.#waiting.size} fetches wait for data, which is the limit`);
    }
    const onAdvance = (): void => {
      this.#hasAdvanced = true;
      this.#wake?.();
    };
    for (const { replica } of this.#targets) replica?.onAdvance.add(onAdvance);
    this.#waiting.add(this);
    const cancelTimer: Cancel = this.#options.clock.after(this.#request.waitMs, () => this.finish());
    try {
      do {
        this.#hasAdvanced = false;
        answer = await this.#readAll();
        if (this.#isEnough(answer)) break;
        if (!this.#hasAdvanced && !this.#isFinished) await new Promise<void>((resolve) => this.#wake = resolve);
        this.#wake = null;
      } while (!this.#isFinished);
      if (this.#isFinished) answer = await this.#readAll();
    } finally {
      cancelTimer();
      this.#waiting.delete(this);
      for (const { replica } of this.#targets) replica?.onAdvance.delete(onAdvance);
    }
    return this.#count(answer);
  }

  #isEnough(answer: readonly FetchedPartition[]): boolean {
    let bytes = 0;
    for (const partition of answer) {
      if (partition.error !== undefined || partition.diverging !== undefined) return true;
      for (const batch of partition.batches) bytes += batch.sizeBytes;
    }
    return bytes >= this.#request.minBytes || this.#targets.length === 0;
  }

  #count(answer: readonly FetchedPartition[]): readonly FetchedPartition[] {
    const { counters } = this.#options;
    for (const partition of answer) {
      if (partition.error !== undefined) counters.errors += 1;
      for (const batch of partition.batches) {
        counters.recordsConsumed += batch.recordCount;
        counters.bytesConsumed += batch.sizeBytes;
      }
    }
    return answer;
  }

  async #readAll(): Promise<FetchedPartition[]> {
    const startedMs = this.#options.clock.monotonicMs();
    const { maxBytes, memory } = this.#request;
    const grantedBytes = memory?.take(maxBytes) ?? maxBytes;
    let answer: FetchedPartition[];
    try {
      answer = await this.#readTargets(grantedBytes);
    } finally {
      memory?.giveBack(grantedBytes);
    }
    this.#options.latency.record(this.#options.clock.monotonicMs() - startedMs);
    return answer;
  }

  /** What a partition cannot give is in its own answer. */
  async #readTargets(maxBytes: number): Promise<FetchedPartition[]> {
    const answer: FetchedPartition[] = [];
    let bytesLeft = maxBytes;
    let isFirst = true;
    for (const target of this.#targets) {
      const fetched = await this.#readOne(target, bytesLeft, isFirst);
      for (const batch of fetched.batches) {
        bytesLeft -= batch.sizeBytes;
        isFirst = false;
      }
      answer.push(fetched);
    }
    return answer;
  }

  async #readOne(target: Target, bytesLeft: number, isFirst: boolean): Promise<FetchedPartition> {
    const { maxBytes } = target.request;
    const { replica, offset } = target;
    if (replica === null) return failed(target, -1, -1, target.error!);
    const { highWatermark, startOffset } = replica;
    try {
      const diverging = divergence(replica, target);
      if (diverging !== null) return { ...ends(target, replica), batches: [], diverging };
      const wanted = Math.min(maxBytes, bytesLeft);
      let batches: readonly RecordBatch[] = [];
      if (wanted > 0 || isFirst) {
        batches = await readOn(replica, offset, wanted);
        // Only the first batch of the whole answer may pass the bound.
        if (!isFirst && batches.length > 0 && batches[0]!.sizeBytes > wanted) batches = [];
      }
      return { ...ends(target, replica), batches };
    } catch (thrown) {
      return failed(target, highWatermark, startOffset, asSentinelError(thrown));
    }
  }

  #targetOf(request: FetchPartition): Target {
    try {
      const topic = this.#options.topics.get(request.topic);
      if (topic === undefined) throw new SentinelError("unknown_topic", `The topic ${request.topic} does not exist`);
      const replica = replicaOf(topic, request.partition);
      if (replica instanceof OfflineReplica) throw replica.failure;
      checkEpoch(replica, request.currentEpoch);
      const offset = startOf(request.offset, replica);
      if (offset > replica.highWatermark) throw beyondEnd(offset, replica);
      return { request, replica, offset, error: null };
    } catch (thrown) {
      return { request, replica: null, offset: -1, error: asSentinelError(thrown) };
    }
  }
}

/** Where the partition begins and ends now. */
function ends({ request, offset }: Target, replica: Replica): Omit<FetchedPartition, "batches"> {
  const { topic, partition } = request;
  const { highWatermark, startOffset } = replica;
  return { topic, partition, offset, highWatermark, lastStable: highWatermark, logStart: startOffset };
}

function failed(target: Target, highWatermark: Offset, logStart: Offset, error: SentinelError): FetchedPartition {
  const { topic, partition } = target.request;
  return {
    topic,
    partition,
    offset: target.offset,
    batches: [],
    highWatermark,
    lastStable: highWatermark,
    logStart,
    error,
  };
}

/** Where our log left the epoch of the reader's last record, if that record is not ours; else null. */
function divergence(replica: Replica, { request, offset }: Target): EpochEnd | null {
  const { lastFetchedEpoch } = request;
  if (lastFetchedEpoch === undefined || lastFetchedEpoch < 0) return null;
  const end = replica.endOfEpoch(lastFetchedEpoch);
  if (end === null) {
    const detail = `${replica.topic}-${replica.partition} has no epoch ${lastFetchedEpoch}`;
    throw new SentinelError("offset_out_of_range", detail);
  }
  return end.epoch < lastFetchedEpoch || end.endOffset < offset ? end : null;
}

/** Reads until `maxBytes` are there or no more: one read of a log ends with its segment, and more may stand behind it. */
async function readOn(replica: Replica, from: Offset, maxBytes: number): Promise<readonly RecordBatch[]> {
  const first = replica.read(from, maxBytes);
  let batches = first instanceof Promise ? await first : first;
  let bytes = 0;
  for (let counted = 0; batches.length > counted;) {
    for (; counted < batches.length; counted += 1) bytes += batches[counted]!.sizeBytes;
    const next = batches.at(-1)!.endOffset;
    if (bytes >= maxBytes || next >= replica.highWatermark) break;
    const read = replica.read(next, maxBytes - bytes);
    const more = read instanceof Promise ? await read : read;
    if (more.length === 0 || more[0]!.sizeBytes > maxBytes - bytes) break;
    batches = [...batches, ...more];
  }
  return batches;
}

function startOf(start: StartOffset, replica: Replica): Offset {
  if (start === "earliest") return replica.startOffset;
  return start === "latest" ? replica.highWatermark : start;
}

/** Readers know nothing of what is not committed: for them the partition ends at the high watermark. */
function beyondEnd(offset: Offset, replica: Replica): SentinelError {
  return new SentinelError(
    "offset_out_of_range",
    `Offset ${offset} is outside ${replica.topic}-${replica.partition}, which holds ${replica.startOffset} to ${replica.highWatermark}`,
    { facts: { earliest: replica.startOffset, tail: replica.highWatermark } },
  );
}
