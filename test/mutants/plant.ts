/** Plants a mutant in a copy of the tree, and lets the crash harness look for it. */
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Mutant } from "./mutant.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const COPIED = ["src", "adapters", "test/crash", "package.json", "deno.json", "bunfig.toml"];
/** Images at a crash point: many points seen soon tell more than one point seen whole. */
const IMAGES_AT_POINT = 4;
/** A run that takes longer hangs; the harness itself tells of work that waits for ever. */
const RUN_MS_MAX = 120_000;

/** How a mutant was found. */
export interface Finding {
  readonly scenario: string;
  /** Seeds of the scenario that were run, this one included. */
  readonly seeds: number;
  /** Images that were checked with the last seed. */
  readonly images: number;
  /** The first violation. */
  readonly text: string;
}

/** The texts of the files that a mutant changes. Fails when one of its edits does not apply exactly once. */
export function mutatedFiles(mutant: Mutant): Map<string, string> {
  const files = new Map<string, string>();
  for (const { path, before, after } of mutant.edits) {
    const text = files.get(path) ?? readFileSync(join(ROOT, path), "utf8");
    const places = text.split(before).length - 1;
    if (places !== 1) {
      throw new Error(`The mutant "${mutant.name}" applies ${places} times to ${path}, not once: ${before}`);
    }
    files.set(path, text.replace(before, () => after));
  }
  return files;
}

/** Looks for a mutant with up to `seedsMax` seeds of each of its scenarios; null: it survived. */
export async function findMutant(mutant: Mutant, seedsMax: number): Promise<Finding | null> {
  const directory = mkdtempSync(join(tmpdir(), "sentinel-mutant-"));
  try {
    for (const name of COPIED) cpSync(join(ROOT, name), join(directory, name), { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(directory, "node_modules"));
    for (const [path, text] of mutatedFiles(mutant)) writeFileSync(join(directory, path), text);
    let seeds = 0;
    for (let seed = 1; seed <= seedsMax; seed++) {
      for (const scenario of mutant.scenarios) {
        seeds += 1;
        const { code, output } = await runHarness(directory, scenario, seed);
        if (code === 0) continue;
        const lines = output.trimEnd().split("\n");
        const images = /^\{.*"images":(\d+)/.exec(lines.at(-1)!)?.[1];
        // A harness that does not come to its end has found nothing.
        if (images === undefined) throw new Error(`The harness broke over the mutant "${mutant.name}": ${output}`);
        const text = lines.find((line) => line.startsWith(`${scenario}: `)) ?? "";
        return { scenario, seeds, images: Number(images), text };
      }
    }
    return null;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function runHarness(directory: string, scenario: string, seed: number): Promise<{ code: number; output: string }> {
  const isDeno = "Deno" in globalThis;
  const main = join(directory, "test/crash/main.ts");
  const options = [
    "--scenario",
    scenario,
    "--seed",
    String(seed),
    "--images",
    String(IMAGES_AT_POINT),
    "--stop-at-first",
  ];
  const runtimeOptions = isDeno ? ["run", "-A", "--no-check", "--quiet", "--config", join(directory, "deno.json")] : [];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...runtimeOptions, main, ...options], {
      cwd: directory,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: RUN_MS_MAX,
    });
    const decoder = new TextDecoder();
    let output = "";
    const collect = (chunk: Uint8Array): void => void (output += decoder.decode(chunk));
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}
