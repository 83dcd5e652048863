/**
 * The scrub: reads everything cold again, in passes, at a budget of bytes a second, and tells of damage before anybody asks
 * for the data. A partition goes on serving what is sound; who reads what is not is told so.
 *
 * A pass begins a week after the last one did, and goes through partitions and trees by name and their files by path. How
 * far it is lies in a file, so that the next start goes on there. Between two passes nothing is read or written.
 */
import { PlatformError, SentinelError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { TimestampMs } from "../base/ids.ts";
import type { Cancel } from "../platform/clock.ts";
import type { Platform } from "../platform/platform.ts";
import { loadScrubCheckpoint, type ScrubCheckpoint, storeScrubCheckpoint } from "../storage/scrub_checkpoint.ts";
import type { Damage, Scrubbing, ScrubUnit } from "../storage/scrubbing.ts";
import type { MaintenanceTask } from "./maintenance_task.ts";
import { ScrubBudget } from "./scrub_budget.ts";
import type { BrokerCounters } from "./types.ts";

/** Something that has cold files. */
export interface ScrubSource {
  /** `topic-partition`, or a tree's directory. */
  readonly name: string;
  readonly scrubbing: Scrubbing;
}

export interface ScrubberOptions {
  readonly sources: () => readonly ScrubSource[];
  readonly counters: BrokerCounters;
  readonly dataPath: string;
  readonly bytesPerSecond: number;
  readonly periodMs: number;
  readonly checkMs: number;
  /** Told once of each place. */
  readonly onDamage: (error: SentinelError) => void;
}

export class Scrubber implements MaintenanceTask {
  readonly #options: ScrubberOptions;
  readonly #platform: Pick<Platform, "clock" | "disk">;
  readonly #budget: ScrubBudget;
  /** Places that were told, the oldest first. */
  readonly #told = new Set<string>();
  #checkpoint: ScrubCheckpoint | null = null;
  #isLoaded = false;
  #storedMs = 0;
  #cancel: Cancel | null = null;
  #round: Promise<void> = Promise.resolve();
  #isStopping = false;

  constructor(platform: Pick<Platform, "clock" | "disk">, options: ScrubberOptions) {
    this.#platform = platform;
    this.#options = options;
    const { counters, bytesPerSecond } = options;
    this.#budget = new ScrubBudget(platform.clock, bytesPerSecond, (bytes) => {
      counters.scrubReadBytes += bytes;
      counters.scrubRemainingBytes = Math.max(0, counters.scrubRemainingBytes - bytes);
    });
  }

  start(): void {
    if (this.#isStopping) return;
    this.#cancel = this.#platform.clock.after(this.#options.checkMs, () => {
      this.#round = this.#run().then(() => this.start());
    });
  }

  stop(): void {
    this.#isStopping = true;
    this.#cancel?.();
    this.#budget.stop();
  }

  get ended(): Promise<void> {
    return this.#round;
  }

  /** One pass, or the rest of one, if it is due. */
  async #run(): Promise<void> {
    const begun = await this.#begun();
    this.#noteGauges();
    if (begun === null || this.#isStopping) return;
    try {
      await this.#pass(begun);
    } catch (thrown) {
      if (!this.#isStopping) throw thrown;
    }
    await this.#store();
  }

  /** The pass that is to go on, or begin; null: none is due. */
  async #begun(): Promise<ScrubCheckpoint | null> {
    const { clock, disk } = this.#platform;
    if (!this.#isLoaded) {
      this.#checkpoint = await unlessDiskFails(() => loadScrubCheckpoint(disk, this.#options.dataPath));
    }
    this.#isLoaded = true;
    const nowMs = clock.nowMs();
    const last = this.#checkpoint;
    // A clock that was set back makes the last pass one of the future: then nothing is known of it.
    if (last !== null && last.startedMs <= nowMs) {
      if (!last.isFinished) return last;
      if (nowMs - last.startedMs < this.#options.periodMs) return null;
    }
    const coveredMs = last === null ? nowMs : Math.min(last.coveredMs, nowMs);
    return this.#checkpoint = { startedMs: nowMs, coveredMs, isFinished: false, source: "", file: "" };
  }

  async #pass({ startedMs, source: lastSource, file: lastFile }: ScrubCheckpoint): Promise<void> {
    const sources = this.#sources().filter(({ name }) => name >= lastSource);
    const { counters } = this.#options;
    counters.scrubRemainingBytes = sources.reduce((sum, { scrubbing }) => sum + scrubbing.coldBytes, 0);
    for (const { name, scrubbing } of sources) {
      for (const unit of scrubbing.units()) {
        const file = fileNameOf(unit);
        if (name === lastSource && file <= lastFile) continue;
        await this.#scrub(unit);
        this.#checkpoint = { ...this.#checkpoint!, source: name, file };
        if (this.#platform.clock.monotonicMs() - this.#storedMs >= this.#options.checkMs) await this.#store();
      }
    }
    counters.scrubPasses += 1;
    counters.scrubRemainingBytes = 0;
    this.#checkpoint = { startedMs, coveredMs: startedMs, isFinished: true, source: "", file: "" };
    this.#noteGauges();
  }

  async #scrub(unit: ScrubUnit): Promise<void> {
    const found = await unit.scrub(this.#budget);
    for (const damage of found ?? []) this.#tell(damage);
    if (found !== null && found.length > 0) this.#noteGauges();
  }

  #tell({ path, position, detail, isMended }: Damage): void {
    const place = `${path}@${position}`;
    if (this.#told.has(place)) return;
    // What is mended is sound again: rot that comes back there is news.
    if (!isMended) this.#told.add(place);
    for (const oldest of this.#told) {
      if (this.#told.size <= LIMITS.scrubToldMax) break;
      this.#told.delete(oldest);
    }
    const { counters, onDamage } = this.#options;
    counters.scrubDamage += 1;
    const text = `The scrub found rot. Damaged file ${path} at position ${position}: ${detail}`;
    const facts = { file: path, position };
    onDamage(new SentinelError("storage_error", isMended ? `${text}; it was made anew` : text, { facts }));
  }

  #noteGauges(): void {
    const { counters, periodMs } = this.#options;
    counters.scrubDamagedPlaces = this.#sources().reduce((sum, { scrubbing }) => sum + scrubbing.damage.length, 0);
    const coveredMs: TimestampMs = this.#checkpoint?.coveredMs ?? this.#platform.clock.nowMs();
    counters.scrubLagMs = Math.max(0, this.#platform.clock.nowMs() - coveredMs - periodMs);
  }

  #sources(): ScrubSource[] {
    return [...this.#options.sources()].sort((left, right) =>
      left.name < right.name ? -1 : left.name > right.name ? 1 : 0
    );
  }

  /** A disk that does not take it loses the place, and nothing else. */
  async #store(): Promise<void> {
    const checkpoint = this.#checkpoint;
    if (checkpoint === null) return;
    this.#storedMs = this.#platform.clock.monotonicMs();
    await unlessDiskFails(() => storeScrubCheckpoint(this.#platform.disk, this.#options.dataPath, checkpoint));
  }
}

function fileNameOf({ path }: ScrubUnit): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

async function unlessDiskFails<Result>(work: () => Promise<Result>): Promise<Result | null> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof PlatformError) return null;
    throw thrown;
  }
}
