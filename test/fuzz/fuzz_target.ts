/** What is fuzzed: a parser, with bytes that are nearly right for it and the property that must hold for any bytes. */
import type { SeededRandom } from "../seeded_random.ts";
import type { Coverage } from "./coverage.ts";

/** One parser, open. Inputs are always bytes, so that one that failed can lie in the corpus as a file. */
export interface FuzzSubject {
  /** What inputs met since it was opened; a run's report has the sum. */
  readonly coverage?: Coverage;
  /** The next input; it depends on nothing but `random` and what was checked before since it was opened. */
  make(random: SeededRandom): Uint8Array;
  /** Throws when the property does not hold. A documented refusal is no failure. */
  check(input: Uint8Array): void | Promise<void>;
  close?(): Promise<void>;
}

export interface FuzzTarget {
  readonly name: string;
  /** How many of a run's inputs it gets, against the other targets: cheap parsers get most. */
  readonly weight: number;
  /**
   * Inputs after which the subject is closed and a new one opened: what inputs leave behind (topics, records) stays
   * bounded, and a replay has to repeat no more than these.
   */
  readonly inputsPerSubject: number;
  open(): Promise<FuzzSubject>;
}
