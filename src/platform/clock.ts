/** Takes back what was asked for; does nothing when it has happened. */
export type Cancel = () => void;

/** Time. Wall-clock time may jump; durations and deadlines go by the monotonic one. */
export interface Clock {
  /** Milliseconds since 1970, an integer. */
  nowMs(): number;
  /** Milliseconds since some moment, with fractions; never goes back. */
  monotonicMs(): number;
  /** Calls `run` once, not before `delayMs` have passed. A pending call does not keep the process alive. */
  after(delayMs: number, run: () => void): Cancel;
}
