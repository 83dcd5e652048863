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
import type { CleanableLog, CleanableSegment } from "./cleanable_log.ts";
import { CleaningPace } from "./cleaning_pace.ts";
import { CleaningPass } from "./cleaning_pass.ts";
import { planCleaning } from "./cleaning_plan.ts";
import type { CleaningPlan } from "./cleaning_plan.ts";
import { notStored } from "./write_failures.ts";

const NOTHING = { cleanOffset: 0, readBytes: 0, writtenBytes: 0, removedRecords: 0 };

export class LogCleaner<Kind extends CleanableSegment> implements LogCleaning {
  readonly #log: CleanableLog<Kind>;
  #running: Promise<unknown> | null = null;
  #isStopping = false;

  constructor(log: CleanableLog<Kind>) {
    this.#log = log;
  }

  async need(bounds: CleaningBounds): Promise<CleaningNeed | null> {
    const { settings: { compaction }, failure } = this.#log.state;
    if (compaction === undefined || this.#isStopping || failure !== null) return null;
    return (await this.#plan(compaction, bounds))?.need ?? null;
  }

  async clean(bounds: CleaningBounds, tools: CleaningTools): Promise<CleaningResult> {
    assert(this.#running === null, () => `${this.#log.name} is being cleaned already`);
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
    await this.#log.settle();
  }

  async #clean(bounds: CleaningBounds, tools: CleaningTools): Promise<CleaningResult> {
    const log = this.#log;
    const { state } = log;
    const { settings: { compaction }, generation, truncations, startOffset } = state;
    if (compaction === undefined || state.failure !== null) return { outcome: "nothing", ...NOTHING };
    const isWanted = (): boolean =>
      !this.#isStopping && state.failure === null && generation === state.generation &&
      truncations === state.truncations && startOffset === state.startOffset;
    const plan = await this.#plan(compaction, bounds);
    if (plan === null) return { outcome: "nothing", ...NOTHING };
    const pace = new CleaningPace(state.clock, isWanted);
    const producers = state.producers.lastOffsets(state.clock.monotonicMs());
    const pass = new CleaningPass({ log, settings: compaction, plan, bounds, producers, tools, pace });
    try {
      await log.prepare();
      await pass.run();
      return pass.result("cleaned");
    } catch (thrown) {
      // Sources that went away under it are no damage.
      if (pace.isStopped || !isWanted()) return pass.result("stopped");
      throw thrown instanceof SentinelError ? thrown : notStored(log.name, thrown);
    }
  }

  /** Null also when the segments that it looked at were taken away meanwhile. */
  async #plan(compaction: CompactionSettings, bounds: CleaningBounds): Promise<CleaningPlan<Kind> | null> {
    const { state, name } = this.#log;
    const { generation, startOffset } = state;
    try {
      return await planCleaning(this.#log, compaction, bounds);
    } catch (thrown) {
      if (generation !== state.generation || startOffset !== state.startOffset || this.#isStopping) return null;
      if (!(thrown instanceof PlatformError)) throw thrown;
      const detail = `The log ${name} could not be read: ${thrown.message}`;
      throw new SentinelError("storage_error", detail, { cause: thrown });
    }
  }
}

function ignore(): void {}
