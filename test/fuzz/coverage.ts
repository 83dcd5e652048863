/** What inputs met: counts by row (an API in a version) and column (how it ended). */
export type Coverage = Map<string, Map<string, number>>;

/** Rows of the same name make one line in a report; the part before the last space names a group of rows. */
export function countIn(coverage: Coverage, row: string, column: string): void {
  let columns = coverage.get(row);
  if (columns === undefined) coverage.set(row, columns = new Map());
  columns.set(column, (columns.get(column) ?? 0) + 1);
}

export function addCoverage(into: Coverage, more: Coverage): void {
  for (const [row, columns] of more) {
    for (const [column, count] of columns) {
      const sums = into.get(row) ?? new Map<string, number>();
      into.set(row, sums.set(column, (sums.get(column) ?? 0) + count));
    }
  }
}

/** A line a row, its columns in the order of their first use; the last line is the sum of all. */
export function showCoverage(coverage: Coverage): string[] {
  const columns = [...new Set([...coverage.values()].flatMap((row) => [...row.keys()]))];
  const rows = [...coverage].sort(([left], [right]) => left.localeCompare(right, "en", { numeric: true }));
  const sum = new Map(
    columns.map((column) => [column, rows.reduce((all, [, row]) => all + (row.get(column) ?? 0), 0)]),
  );
  const width = Math.max(...rows.map(([name]) => name.length), "all".length);
  return [...rows, ["all", sum] as const].map(([name, row]) =>
    `${name.padEnd(width)} ${columns.map((column) => `${column} ${row.get(column) ?? 0}`.padStart(18)).join("")}`
  );
}
