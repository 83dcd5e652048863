import type { Platform } from "../src/platform/platform.ts";
import { type Figure, judge, type Target } from "./figure.ts";
import type { Comparison } from "./rounds.ts";

/** What a workload is given to run with. */
export interface BenchContext {
  readonly platform: Platform;
  readonly runtime: "bun" | "deno";
  /** A size at which a run shows only that the workload works. */
  readonly isSmoke: boolean;
  /** Fresh, empty and on the disk that holds the project; the workload's own, removed after it. */
  readonly directory: string;
  /** Says how far a long workload is; for people, on stderr. */
  readonly progress: (text: string) => void;
}

/** A named measurement. It fails only when something breaks, never because something is slow. */
export interface Workload {
  readonly name: string;
  /** One line for the list. */
  readonly summary: string;
  run(context: BenchContext): Promise<Figure[]>;
}

/** A figure from rounds beside a limit. */
export function besideFigure(
  named: { workload: string; figure: string; unit: string; beside: string; target?: Target },
  comparison: Comparison,
): Figure {
  const { workload, figure, unit, beside, target = null } = named;
  return { workload, figure, unit, beside, ...comparison, target: judge(comparison.value, comparison.ratio, target) };
}

/** A figure that has no limit beside it. */
export function loneFigure(
  named: { workload: string; figure: string; unit: string; target?: Target },
  value: number,
): Figure {
  const { workload, figure, unit, target = null } = named;
  const alone = { beside: null, besideValue: null, ratio: null, ratioRange: null };
  return { workload, figure, unit, value, ...alone, target: judge(value, null, target) };
}
