/** The cleaner of one open log: plans, runs one pass at a time, and steps aside when the log is cut or closed. */
import { assert } from "../../base/assert.ts";
import { PlatformError, SentinelError } from "../../base/errors.ts";
import type {
  CleaningBounds,
  CleaningNeed,
  CleaningResult,
  CleaningTools,
  CompactionSettings,
  LogCleaning,
} from "../log_cleaning.ts";
import type { Mutex } from "../mutex.ts";
import { CleaningPace } from "./cleaning_pace.ts";
import { CleaningPass } from "./cleaning_pass.ts";
import { planCleaning } from "./cleaning_plan.ts";
import type { CleaningPlan } from "./cleaning_plan.ts";
import { assertLogState } from "./log_state.ts";
import type { LogState } from "./log_state.ts";
import type { LogWriter } from "./log_writer.ts";
import type { Segment } from "./segment.ts";
import { cleanedOf, storeOrFail, swapCleaned } from "./swap_cleaned.ts";
import { notStored } from "./write_failures.ts";

export interface LogCleanerOptions {
  readonly state: LogState;
  readonly writer: LogWriter;
  /** Held by whoever takes segments away. */
  readonly segmentsMutex: Mutex;
  /** A sealed segment was read: its file stays open until others were read. */
  readonly onRead: (segment: Segment) => void;
  /** A segment is no longer the log's. */
  readonly onRetired: (segment: Segment) => void;
}

const NOTHING = { cleanOffset: 0, readBytes: 0, writtenBytes: 0, removedRecords: 0 };

export class LogCleaner implements LogCleaning {
  readonly #options: LogCleanerOptions;
  readonly #retiring = new Set<Promise<void>>();
  #running: Promise<unknown> | null = null;
  #isStopping = false;

  constructor(options: LogCleanerOptions) {
    this.#options = options;
  }

  async need(bounds: CleaningBounds): Promise<CleaningNeed | null> {
    const { state } = this.#options;
    const { compaction } = state.settings;
    if (compaction === undefined || this.#isStopping || state.failure !== null) return null;
    return (await this.#plan(compaction, bounds))?.need ?? null;
  }

  async clean(bounds: CleaningBounds, tools: CleaningTools): Promise<CleaningResult> {
    assert(this.#running === null, () => `${this.#options.state.directory} is being cleaned already`);
    if (this.#isStopping) return { outcome: "stopped", ...NOTHING };
    const running = this.#clean(bounds, tools);
    this.#running = running.then(ignore, ignore);
    try {
      return await running;
    } finally {
      this.#running = null;
    }
  }

  /** Ends a pass that is under way; nothing begins afterwards. Resolves when every file of its is closed. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
    await Promise.all(this.#retiring);
  }

  async #clean(bounds: CleaningBounds, tools: CleaningTools): Promise<CleaningResult> {
    const { state } = this.#options;
    const { compaction } = state.settings;
    if (compaction === undefined || state.failure !== null) return { outcome: "nothing", ...NOTHING };
    const { generation, truncations, startOffset } = state;
    const isWanted = (): boolean =>
      !this.#isStopping && state.failure === null && generation === state.generation &&
      truncations === state.truncations && startOffset === state.startOffset;
    const plan = await this.#plan(compaction, bounds);
    if (plan === null) return { outcome: "nothing", ...NOTHING };
    const pace = new CleaningPace(state.clock, isWanted);
    const pass = new CleaningPass({
      state,
      settings: compaction,
      plan,
      bounds,
      producers: state.producers.lastOffsets(state.clock.monotonicMs()),
      tools,
      pace,
      swapIn: (sources, written, cleanOffset) =>
        this.#options.segmentsMutex.run(async () => {
          if (!isWanted()) await written.discard().catch(ignore);
          pace.check();
          await swapCleaned(state, sources, written, cleanOffset, {
            orFail: (work) => this.#orFail(work),
            onReplaced: (replaced) => this.#retire(replaced),
          });
          assertLogState(state);
        }),
      storeCleanOffset: (cleanOffset) =>
        this.#options.segmentsMutex.run(async () => {
          pace.check();
          const checkpoint = { cleanOffset, segments: cleanedOf(state.segments) };
          await storeOrFail(state, checkpoint, { orFail: (work) => this.#orFail(work) });
        }),
    });
    try {
      await this.#settleRecoveryPoint();
      await pass.run();
      return pass.result("cleaned");
    } catch (thrown) {
      // Sources that went away under it are no damage.
      if (pace.isStopped || !isWanted()) return pass.result("stopped");
      throw thrown instanceof SentinelError ? thrown : notStored(state.directory, thrown);
    }
  }

  /** Null also when the segments that it looked at were taken away meanwhile. */
  async #plan(compaction: CompactionSettings, bounds: CleaningBounds): Promise<CleaningPlan | null> {
    const { state, onRead } = this.#options;
    const { generation, startOffset } = state;
    try {
      return await planCleaning(state, compaction, bounds, onRead);
    } catch (thrown) {
      if (generation !== state.generation || startOffset !== state.startOffset || this.#isStopping) return null;
      if (!(thrown instanceof PlatformError)) throw thrown;
      const detail = `The log ${state.directory} could not be read: ${thrown.message}`;
      throw new SentinelError("storage_error", detail, { cause: thrown });
    }
  }

  /** The older slot may name a segment that is about to become part of another. */
  async #settleRecoveryPoint(): Promise<void> {
    const { writer, state } = this.#options;
    await writer.exclusively(async () => {
      if (state.failure !== null) throw state.failure;
      await this.#orFail(async () => writer.writeRecoveryPoint(await writer.syncToEnd(), "both"));
    });
  }

  async #orFail(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      throw this.#options.writer.fail(thrown);
    }
  }

  #retire(sources: readonly Segment[]): void {
    for (const source of sources) {
      this.#options.onRetired(source);
      const retiring: Promise<void> = source.retire().then(ignore, ignore).then(() => {
        this.#retiring.delete(retiring);
      });
      this.#retiring.add(retiring);
    }
  }
}

function ignore(): void {}
