/** A bug that is planted, and who must find it. */

export interface MutantEdit {
  readonly path: string;
  /** Stands in the file exactly once. */
  readonly before: string;
  readonly after: string;
}

export interface Mutant {
  readonly name: string;
  readonly edits: readonly MutantEdit[];
  /** Scenarios of the crash harness, tried in this order. */
  readonly scenarios: readonly string[];
}

/** `scenarios`: names, with spaces between them. */
export function mutant(
  name: string,
  scenarios: string,
  ...edits: [path: string, before: string, after: string][]
): Mutant {
  return {
    name,
    scenarios: scenarios.split(" "),
    edits: edits.map(([path, before, after]) => ({ path, before, after })),
  };
}
