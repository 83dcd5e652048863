import { parseArgs } from "node:util";

/** What the command line asks for. */
export interface BenchArguments {
  readonly workloads: readonly string[];
  readonly isSmoke: boolean;
  readonly isJson: boolean;
  /** Results are appended here, a line of JSON each. */
  readonly outPath: string | null;
  /** Write `bench/RESULTS.md` from this results file and do nothing else. */
  readonly tablePath: string | null;
}

/** The arguments, or what is wrong with them. `all` stands for every workload but those of `except`. */
export function parseBenchArguments(
  args: readonly string[],
  names: readonly string[],
  except: readonly string[],
): BenchArguments | { readonly fault: string } {
  let parsed;
  try {
    parsed = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        smoke: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        out: { type: "string" },
        table: { type: "string" },
      },
    });
  } catch (thrown) {
    return { fault: thrown instanceof Error ? thrown.message : String(thrown) };
  }
  const { values, positionals } = parsed;
  const unknown = positionals.filter((name) => name !== "all" && !names.includes(name));
  if (unknown.length > 0) return { fault: `There is no workload ${unknown.join(", ")}` };
  let workloads: readonly string[] = positionals;
  if (positionals.includes("all")) workloads = names.filter((name) => !except.includes(name));
  else if (positionals.length === 0 && values.smoke === true) workloads = names;
  return {
    workloads,
    isSmoke: values.smoke === true,
    isJson: values.json === true,
    outPath: values.out ?? null,
    tablePath: values.table ?? null,
  };
}
