/**
 * Runs the suites that need other people's programs: `test/interop/<name>.interop.ts` (under Bun) or `.mjs` (under
 * Node.js). Each installs what it needs below `SENTINEL_INTEROP_CACHE`, and its last line is `N passed, N failed` or
 * `cannot run: <reason>`.
 */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { writeClientTable } from "./client_table.mjs";
import { BINARY, BUN, has, ROOT } from "./paths.mjs";
import { runStep } from "./steps.mjs";

const FOLDER = "test/interop";

/**
 * With names, only the suites of these names; with `--table` none, but `docs/kafka-clients.md` from the last results.
 * Returns the exit code.
 */
export async function runInterop(names) {
  if (names.includes("--table")) return writeClientTable();
  const files = has(FOLDER) ? readdirSync(join(ROOT, FOLDER)).filter((file) => /\.interop\.(ts|mjs)$/.test(file)) : [];
  const cache = join(ROOT, ".interop");
  const sums = { passed: 0, failed: 0 };
  for (const file of files.sort()) {
    const name = file.replace(/\.interop\.\w+$/, "");
    if (names.length > 0 && !names.includes(name)) continue;
    mkdirSync(cache, { recursive: true });
    const result = await runSuite(name, file, cache);
    sums.passed += result.passed;
    sums.failed += result.failed;
  }
  console.log(`${sums.passed} passed, ${sums.failed} failed`);
  return sums.failed === 0 ? 0 : 1;
}

async function runSuite(name, file, cache) {
  const result = await runStep({
    name,
    command: file.endsWith(".ts") ? BUN : process.execPath,
    args: [join(ROOT, FOLDER, file)],
    env: { SENTINEL_INTEROP_CACHE: cache, SENTINEL_BINARY: BINARY },
    count: countSuite,
  });
  const cannot = /^cannot run: (.*)$/.exec(result.output.trimEnd().split("\n").at(-1) ?? "");
  if (cannot !== null) {
    console.log(`not run ${name}: ${cannot[1]}`);
    return { passed: 0, failed: 0 };
  }
  if (result.failed > 0) console.log(`---- ${name}\n${result.output.trimEnd()}\n----`);
  const mark = result.failed > 0 ? "FAILED" : "ok    ";
  console.log(`${mark} ${name}  ${result.passed} passed, ${result.failed} failed  ${(result.ms / 1000).toFixed(1)} s`);
  return result;
}

export function countSuite(output) {
  const counts = /^(\d+) passed, (\d+) failed$/.exec(output.trimEnd().split("\n").at(-1) ?? "");
  return counts === null ? { passed: 0, failed: 1 } : { passed: Number(counts[1]), failed: Number(counts[2]) };
}
