/** Inputs that once failed: `corpus/<target>/<what>`, the bytes as they were. Each is checked again by every test run. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FuzzFailure } from "./run_target.ts";

const CORPUS = join(dirname(fileURLToPath(import.meta.url)), "corpus");

export interface CorpusInput {
  readonly target: string;
  readonly name: string;
  readonly bytes: Uint8Array;
}

export async function readCorpus(): Promise<CorpusInput[]> {
  const inputs: CorpusInput[] = [];
  for (const target of (await readdir(CORPUS, { withFileTypes: true })).filter((entry) => entry.isDirectory())) {
    for (const name of (await readdir(join(CORPUS, target.name))).sort()) {
      const bytes = await readFile(join(CORPUS, target.name, name));
      inputs.push({ target: target.name, name, bytes: new Uint8Array(bytes) });
    }
  }
  return inputs;
}

/** Keeps an input that failed; where. */
export async function keepInput(failure: FuzzFailure): Promise<string> {
  const path = join(CORPUS, failure.target, `seed_${failure.seed}_input_${failure.index}.bin`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, failure.input);
  return path;
}
