/** Runs inputs against a target and says what failed, with all that is needed to see it again. */
import process from "node:process";
import { SeededRandom } from "../seeded_random.ts";
import { addCoverage, type Coverage } from "./coverage.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

/** One input may take so long, on a machine that does other things too; a parser that needs more can be made to hang. */
export const INPUT_MS_MAX = 5_000;
/** The memory that a run may take (resident, the runtime's own included): what inputs allocate must be given back. */
export const RSS_BYTES_MAX = 1_024 * 1024 * 1024;
const RSS_EVERY_INPUTS = 512;

export interface FuzzOptions {
  readonly seed: number;
  readonly count: number;
  /** The number of the first input. */
  readonly from?: number;
  /** In place of `INPUT_MS_MAX` and `RSS_BYTES_MAX`, for the tests of this file. */
  readonly inputMsMax?: number;
  readonly rssBytesMax?: number;
  /** Told now and then how far the run is. */
  readonly onProgress?: (done: number) => void;
}

export interface FuzzFailure {
  readonly target: string;
  readonly seed: number;
  /** The number of the input in the run of this seed. */
  readonly index: number;
  readonly input: Uint8Array;
  readonly reason: string;
}

export interface FuzzReport {
  readonly target: string;
  readonly inputs: number;
  readonly elapsedMs: number;
  readonly slowestMs: number;
  readonly rssBytesMax: number;
  /** Empty where the target counts nothing. */
  readonly coverage: Coverage;
  readonly failure: FuzzFailure | null;
}

/** An input's own chance: any of them can be made without those before it. */
export function randomOf(target: string, seed: number, index: number): SeededRandom {
  let mixed = seed;
  for (let at = 0; at < target.length; at++) mixed = Math.imul(mixed ^ target.charCodeAt(at), 0x01000193);
  return new SeededRandom(mixed ^ Math.imul(index + 1, 0x85ebca6b));
}

/** Stops at the first failure. `from` is rounded down to where a subject is opened: later inputs may rest on earlier ones. */
export async function runTarget(target: FuzzTarget, options: FuzzOptions): Promise<FuzzReport> {
  const { from = 0, inputMsMax = INPUT_MS_MAX, rssBytesMax: rssLimit = RSS_BYTES_MAX } = options;
  const end = from + options.count;
  const startMs = performance.now();
  let index = from - from % target.inputsPerSubject;
  const first = index;
  const coverage: Coverage = new Map();
  let slowestMs = 0;
  let rssBytesMax = process.memoryUsage().rss;
  const report = (failure: FuzzFailure | null): FuzzReport => {
    rssBytesMax = Math.max(rssBytesMax, process.memoryUsage().rss);
    const elapsedMs = performance.now() - startMs;
    return { target: target.name, inputs: index - first, elapsedMs, slowestMs, rssBytesMax, coverage, failure };
  };
  while (index < end) {
    const subject = await target.open();
    const subjectEnd = Math.min(end, index + target.inputsPerSubject);
    while (index < subjectEnd) {
      const input = subject.make(randomOf(target.name, options.seed, index));
      const inputMs = performance.now();
      let reason: string | null = null;
      try {
        const checked = subject.check(input);
        if (checked !== undefined) await checked;
      } catch (thrown) {
        reason = thrown instanceof Error ? thrown.stack ?? thrown.message : String(thrown);
      }
      const tookMs = performance.now() - inputMs;
      slowestMs = Math.max(slowestMs, tookMs);
      if (tookMs > inputMsMax) reason ??= `It took ${Math.round(tookMs)} ms; ${inputMsMax} are allowed`;
      if (index % RSS_EVERY_INPUTS === 0) {
        rssBytesMax = Math.max(rssBytesMax, process.memoryUsage().rss);
        if (rssBytesMax > rssLimit) reason ??= `${rssBytesMax} bytes are resident; ${rssLimit} are allowed`;
        options.onProgress?.(index - first);
      }
      index += 1;
      if (reason !== null) {
        return report({ target: target.name, seed: options.seed, index: index - 1, input, reason });
      }
    }
    if (subject.coverage !== undefined) addCoverage(coverage, subject.coverage);
    await subject.close?.();
  }
  return report(null);
}

/** The input as text where it is one, else in hexadecimal; the first kilobyte of it. */
export function showInput(input: Uint8Array): string {
  const isText = input.every((byte) => byte >= 0x20 && byte < 0x7f || byte === 0x0a);
  if (isText) return JSON.stringify(new TextDecoder().decode(input.subarray(0, 1024)));
  return Array.from(input.subarray(0, 1024), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
