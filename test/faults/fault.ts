/** A fault that is done to real processes: what a run is told, and what it tells. */
import type { ProgramKind } from "../processes/sentinel_command.ts";

export interface FaultRun {
  readonly kind: ProgramKind;
  /** Cycles or trials; what one is, each fault says. */
  readonly cycles: number;
  readonly seed: number;
  readonly onProgress: (done: number, what: string) => void;
}

/** Numbers for the line that programs read. */
export type FaultFigures = Readonly<Record<string, number>>;

export interface Fault {
  readonly name: string;
  readonly summary: string;
  /** The full size. */
  readonly cycles: number;
  /** Fails with what was wrong, as an assertion; with `CannotRun` where the machine does not allow it. */
  run(options: FaultRun): Promise<FaultFigures>;
}

/** The machine lacks a tool or a right: nothing was proved, and nothing was found. */
export class CannotRun extends Error {
  override readonly name = "CannotRun";
}
