/** When the operations of a simulated disk take effect, and when they are answered. */
import type { DiskOperation } from "./disk_faults.ts";

export interface DiskPace {
  /** Runs `effect` once; the answer, or what it throws, comes later, never in the same turn. */
  perform<Result>(operation: DiskOperation, bytes: number, effect: () => Result): Promise<Result>;
}

/** Effects in the order of the calls, each a microtask later, without any time: for runs that count effects. */
export const immediatePace: DiskPace = {
  async perform(_operation, _bytes, effect) {
    await undefined;
    return effect();
  },
};
