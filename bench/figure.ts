/** One number that a workload found, and the limit that it stands beside. */
export interface Figure {
  readonly workload: string;
  /** Words with underscores, the unit last: `records_per_s`. */
  readonly figure: string;
  readonly value: number;
  /** `1/s`, `MB/s`, `ms`, `ns`, `B`, `MB` (10^6 bytes), `x` for so many times, `%`, or nothing. */
  readonly unit: string;
  /** What was measured in turn with it, in the same run; null: it stands alone. */
  readonly beside: string | null;
  readonly besideValue: number | null;
  /** `value` / `besideValue`, as the median of the rounds' ratios: on a shared machine it holds still where times do not. */
  readonly ratio: number | null;
  /** The smallest and the largest ratio of a round. */
  readonly ratioRange: readonly [number, number] | null;
  /** What the project asks of it, for people: `ratio ≥ 0.7`. */
  readonly target: string;
}

/** A bound that a figure is held to. */
export interface Target {
  readonly of: "ratio" | "value";
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** The bound as the table shows it, with the verdict. */
export function judge(value: number, ratio: number | null, target: Target | null): string {
  if (target === null) return "";
  const judged = target.of === "ratio" ? ratio ?? NaN : value;
  const { atLeast, atMost } = target;
  const holds = (atLeast === undefined || judged >= atLeast) && (atMost === undefined || judged <= atMost);
  const bound = atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`;
  return `${target.of === "ratio" ? "ratio " : ""}${bound}: ${holds ? "yes" : "no"}`;
}
