/** Upper bounds of the buckets in milliseconds, roughly ×2.5 each: from a cached answer to a stalled disk. */
const BOUNDS_MS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000] as const;

/** Counts durations by size; what a Prometheus histogram is made of. */
export class LatencyHistogram {
  readonly boundsMs: readonly number[] = BOUNDS_MS;
  /** One more than bounds: the last counts what is above them all. Not cumulative. */
  readonly counts: number[] = new Array(BOUNDS_MS.length + 1).fill(0);
  sumMs = 0;
  count = 0;

  record(durationMs: number): void {
    let bucket = 0;
    while (bucket < BOUNDS_MS.length && durationMs > BOUNDS_MS[bucket]!) bucket += 1;
    this.counts[bucket]! += 1;
    this.sumMs += durationMs;
    this.count += 1;
  }
}
