/** The values that are there more than once. */
export function repeated<Value>(values: Iterable<Value>): Set<Value> {
  const seen = new Set<Value>();
  const again = new Set<Value>();
  for (const value of values) (seen.has(value) ? again : seen).add(value);
  return again;
}
