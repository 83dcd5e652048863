/**
 * The background cleaner: now and then it looks for the compacted partition with the largest part that was not compacted
 * (Kafka's LogCleaner, which calls it the filthiest), cleans it, and looks again until none is due. One partition at a
 * time: a pass reads and writes whole segments, and its key map is the largest thing that the broker holds.
 */
import { SentinelError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { partitionName } from "../base/ids.ts";
import type { Replica } from "../cluster/replica.ts";
import type { Cancel, Clock } from "../platform/clock.ts";
import type { Platform } from "../platform/platform.ts";
import type { CleaningTools } from "../storage/log_cleaning.ts";
import type { MaintenanceTask } from "./maintenance_task.ts";
import type { Topics } from "./topics.ts";
import type { BrokerCounters } from "./types.ts";

export interface CleanerOptions {
  readonly topics: Topics;
  readonly counters: BrokerCounters;
  readonly everyMs: number;
  /** A partition could not be cleaned; it is left alone for a while. */
  readonly onFailure: (error: SentinelError) => void;
}

export class Cleaner implements MaintenanceTask {
  readonly #options: CleanerOptions;
  readonly #clock: Clock;
  readonly #tools: CleaningTools;
  /** Those that failed, and when they are tried again (monotonic). */
  readonly #failed = new Map<Replica, number>();
  #cancel: Cancel | null = null;
  #round: Promise<void> = Promise.resolve();
  #isStopping = false;

  constructor(
    { clock, compression, random }: Pick<Platform, "clock" | "compression" | "random">,
    options: CleanerOptions,
  ) {
    this.#options = options;
    this.#clock = clock;
    const seed = new DataView(new ArrayBuffer(8));
    random.fill(new Uint8Array(seed.buffer));
    this.#tools = { compression, seed: [seed.getUint32(0), seed.getUint32(4)] };
  }

  start(): void {
    if (this.#isStopping) return;
    this.#cancel = this.#clock.after(this.#options.everyMs, () => {
      this.#round = this.#run().then(() => this.start());
    });
  }

  /**
   * Begins nothing more. A pass that is under way ends when its log is closed, which comes next: wait for `ended` behind it.
   */
  stop(): void {
    this.#isStopping = true;
    this.#cancel?.();
  }

  /** Resolves when the round that was under way is over. */
  get ended(): Promise<void> {
    return this.#round;
  }

  /** Cleans until nothing is due, each partition at most as often as it gets further. */
  async #run(): Promise<void> {
    const done = new Set<Replica>();
    this.#forgetClosed();
    while (!this.#isStopping) {
      const dirtiest = await this.#dirtiest(done);
      if (dirtiest === null || this.#isStopping) break;
      if (!await this.#clean(dirtiest)) done.add(dirtiest);
    }
    this.#options.counters.cleanerFailedPartitions = this.#failed.size;
  }

  async #dirtiest(done: ReadonlySet<Replica>): Promise<Replica | null> {
    const nowMs = this.#clock.nowMs();
    let found: Replica | null = null;
    let ratioMax = 0;
    for (const replica of this.#compacted()) {
      if (done.has(replica) || this.#isLeftAlone(replica) || this.#isStopping) continue;
      try {
        const need = await replica.cleaning?.need(nowMs) ?? null;
        if (need === null || !need.isDue || need.dirtyRatio <= ratioMax) continue;
        found = replica;
        ratioMax = need.dirtyRatio;
      } catch (thrown) {
        this.#noteFailure(replica, thrown);
      }
    }
    return found;
  }

  *#compacted(): Generator<Replica> {
    for (const topic of [...this.#options.topics.values()]) {
      if (topic.settings.isCompacted) yield* topic.replicas;
    }
  }

  /** False: nothing more is to be got from this partition in this round. */
  async #clean(replica: Replica): Promise<boolean> {
    const { counters } = this.#options;
    const clock = this.#clock;
    const startedMs = clock.monotonicMs();
    try {
      const result = await replica.cleaning!.clean(clock.nowMs(), this.#tools);
      counters.cleanerReadBytes += result.readBytes;
      counters.cleanerWrittenBytes += result.writtenBytes;
      counters.cleanerRemovedRecords += result.removedRecords;
      if (result.outcome !== "cleaned") return false;
      counters.cleanerPasses += 1;
      this.#failed.delete(replica);
      return true;
    } catch (thrown) {
      this.#noteFailure(replica, thrown);
      return false;
    } finally {
      counters.cleanerMs += clock.monotonicMs() - startedMs;
    }
  }

  #isLeftAlone(replica: Replica): boolean {
    const untilMs = this.#failed.get(replica);
    return untilMs !== undefined && this.#clock.monotonicMs() < untilMs;
  }

  #noteFailure(replica: Replica, thrown: unknown): void {
    if (!(thrown instanceof SentinelError)) throw thrown;
    const isNew = !this.#failed.has(replica);
    this.#failed.set(replica, this.#clock.monotonicMs() + LIMITS.cleanerRetryMs);
    this.#options.counters.cleanerFailures += 1;
    // Once for a partition: the next try will mostly find the same.
    if (isNew) {
      const name = partitionName(replica.topic, replica.partition);
      this.#options.onFailure(
        new SentinelError(thrown.code, `${name} cannot be compacted: ${thrown.message}`, { cause: thrown }),
      );
    }
  }

  #forgetClosed(): void {
    const open = new Set(this.#compacted());
    for (const replica of [...this.#failed.keys()]) if (!open.has(replica)) this.#failed.delete(replica);
  }
}
