/**
 * Slows writers down before they have to stop. Where level 0 grows faster than compaction empties it, or memtables fill
 * faster than they are flushed, a writer would at some moment wait for a whole merge of levels, many seconds at a gigabyte.
 * So once that comes near, each write waits a little: as long as its share of the room that is left may take, until the
 * work that makes room again has ended.
 */
import { LIMITS } from "../../base/limits.ts";
import type { BackgroundWork } from "./background_work.ts";
import type { TreeState } from "./tree_state.ts";

/** Shorter waits are saved up: a timer has a millisecond. */
const WAIT_MS_MIN = 2;

export class WritePace {
  readonly #state: TreeState;
  readonly #background: BackgroundWork;
  /** Until then what was written is paid for (monotonic). */
  #paidMs = 0;
  #wake: () => void = () => {};
  #isListening = false;

  constructor(state: TreeState, background: BackgroundWork) {
    this.#state = state;
    this.#background = background;
  }

  /** Whether writes have to be paid for now. */
  get isOn(): boolean {
    const { versions, immutables } = this.#state;
    return immutables.length >= LIMITS.lsmImmutableMemtablesMax ||
      versions.current.levels[0]!.length >= LIMITS.lsmLevel0SlowTables;
  }

  /** Behind a write of `bytes`: when the next one may come; null: at once. */
  pay(bytes: number): Promise<void> | null {
    if (!this.isOn || this.#background.flushError !== null || this.#background.compactionError !== null) return null;
    const bytesPerMs = Math.min(this.#forFlush(), this.#forCompaction());
    if (bytesPerMs === Infinity) return null;
    const { clock } = this.#state.location;
    const nowMs = clock.monotonicMs();
    const owedMs = bytes / Math.max(bytesPerMs, Number.MIN_VALUE);
    // Bounded: a reckoning that is wrong must not keep a writer for longer than the room itself would.
    this.#paidMs = Math.max(this.#paidMs, nowMs) + Math.min(owedMs, LIMITS.lsmPaceMsMax);
    const waitMs = Math.min(this.#paidMs - nowMs, LIMITS.lsmPaceMsMax);
    return waitMs < WAIT_MS_MIN ? null : this.#wait(waitMs);
  }

  /** Bytes a millisecond, so that the memtable does not fill before the oldest one that waits is flushed. */
  #forFlush(): number {
    const { immutables, memtable, settings } = this.#state;
    if (immutables.length < LIMITS.lsmImmutableMemtablesMax) return Infinity;
    return speed(settings.memtableBytes - memtable.list.arenaBytes, this.#background.flushLeftMs());
  }

  /** The same for level 0, until the compaction that empties it has ended. */
  #forCompaction(): number {
    const { versions, immutables, memtable, settings } = this.#state;
    const count = versions.current.levels[0]!.length;
    if (count < LIMITS.lsmLevel0SlowTables) return Infinity;
    const tables = LIMITS.lsmLevel0TablesMax - count - immutables.length;
    return speed(
      tables * settings.memtableBytes - memtable.list.arenaBytes,
      this.#background.level0LeftMs(),
    );
  }

  /** When some work has ended, everything is reckoned anew: whoever waits goes on then, too. */
  #wait(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#state.location.clock.after(waitMs, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
      void this.#listen();
    });
  }

  async #listen(): Promise<void> {
    if (this.#isListening) return;
    this.#isListening = true;
    await this.#background.next();
    this.#isListening = false;
    this.#wake();
  }
}

function speed(roomBytes: number, leftMs: number | null): number {
  if (leftMs === null || leftMs <= 0) return Infinity;
  return Math.max(0, roomBytes) / leftMs;
}
