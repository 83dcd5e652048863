/** How figures are told: a line of JSON each, a table on a terminal, a table in a page. */
import type { Figure } from "./figure.ts";
import type { Machine } from "./machine.ts";

/** A figure with where it comes from: a line of a results file. */
export interface Result extends Figure {
  readonly runtime: string;
  readonly commit: string;
  readonly machine: string;
}

export function resultOf(figure: Figure, machine: Machine): Result {
  return { ...figure, runtime: machine.runtime, commit: machine.commit, machine: machine.description };
}

/** Four digits that count; more would only show the machine's mood. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

/** The members that design §5 names, in its order. */
export function jsonLine(result: Result): string {
  const { workload, figure, value, unit, beside, besideValue, ratio, runtime, commit } = result;
  return JSON.stringify({
    workload,
    figure,
    value: rounded(value),
    unit,
    beside,
    besideValue: besideValue === null ? null : rounded(besideValue),
    ratio: ratio === null ? null : rounded(ratio),
    runtime,
    commit,
  });
}

const COLUMNS = ["workload", "figure", "value", "unit", "beside", "its value", "ratio", "rounds", "target"] as const;
const RIGHT: ReadonlySet<string> = new Set(["value", "its value", "ratio"]);

function cells(figure: Figure): string[] {
  const { besideValue, ratio, ratioRange } = figure;
  return [
    figure.workload,
    figure.figure,
    grouped(figure.value),
    figure.unit,
    figure.beside ?? "",
    besideValue === null ? "" : grouped(besideValue),
    ratio === null ? "" : ratio.toFixed(2),
    ratioRange === null ? "" : `${ratioRange[0].toFixed(2)}–${ratioRange[1].toFixed(2)}`,
    figure.target,
  ];
}

/** `41,000`, `8.317`: four digits, in groups of three. */
function grouped(value: number): string {
  return rounded(value).toLocaleString("en-US", { maximumFractionDigits: 3 });
}

/** The heading and a row for each figure, columns as wide as their widest cell. */
function alignedRows(figures: readonly Figure[]): string[][] {
  const rows = [[...COLUMNS], ...figures.map(cells)];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row.map((cell, column) =>
      RIGHT.has(COLUMNS[column]!) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)
    )
  );
}

export function textTable(figures: readonly Figure[]): string {
  return alignedRows(figures).map((row) => row.join("  ").trimEnd()).join("\n");
}

/** A page with a table for each machine, runtime and commit, in the order of the results. */
export function markdownPage(results: readonly Result[]): string {
  const groups = new Map<string, Result[]>();
  for (const result of results) {
    const heading = `${result.runtime}, ${result.commit || "no commit"}, ${result.machine}`;
    groups.set(heading, [...groups.get(heading) ?? [], result]);
  }
  const lines = [
    "# Benchmarks",
    "",
    "Made by `npm run bench -- --table FILE` from a results file; how to read it stands at the top of `bench/main.ts`.",
  ];
  for (const [heading, group] of groups) {
    const [head, ...rows] = alignedRows(group).map((row) => `| ${row.join(" | ")} |`);
    // Laid out as the formatter would, which checks this page too.
    const rule = head!.slice(2, -2).split(" | ").map((cell, column) =>
      RIGHT.has(COLUMNS[column]!) ? `${"-".repeat(cell.length - 1)}:` : "-".repeat(cell.length)
    );
    lines.push("", `## ${heading}`, "", head!, `| ${rule.join(" | ")} |`, ...rows);
  }
  return `${lines.join("\n")}\n`;
}
