/**
 * `lsm-fill-large`: a tree that is filled far beyond its memory, on the real disk: what the process takes, how long a
 * writer ever waits, how often a byte is written, and reads right behind it. `SENTINEL_BENCH_BYTES` sets the size on disk.
 */
import process from "node:process";
import { randomBytes } from "node:crypto";
import { openTree, removeTree } from "../bench_tree.ts";
import { countingDisk } from "../counting_disk.ts";
import { KEY_BYTES, PairFormat, shuffledNumbers } from "../pairs.ts";
import { type BenchContext, loneFigure, type Workload } from "../workload.ts";
import type { LsmStore } from "../../src/storage/lsm/lsm_store.ts";

const MEBIBYTE = 1_024 * 1_024;
const FULL_BYTES = 5e9;
const SMOKE_BYTES = 3e6;
/** A record of a common size; what does not compress, as most records' payloads do not. */
const VALUE_BYTES = 1_000;
const SAMPLES = 20_000;
/** A server's loop turns between its writers; without that, nobody else would be served. */
const PUTS_OF_TURN = 64;

export const lsmFillLarge: Workload = {
  name: "lsm-fill-large",
  summary:
    "5 GB in an order that jumps, memtable and cache of 64 MiB: memory, longest wait, write amplification, reads",
  async run(context) {
    const bytes = context.isSmoke ? SMOKE_BYTES : Number(process.env["SENTINEL_BENCH_BYTES"] ?? FULL_BYTES);
    const memoryBytes = context.isSmoke ? MEBIBYTE : 64 * MEBIBYTE;
    const path = `${context.directory}/tree`;
    const { disk, counts } = countingDisk(context.platform.disk);
    const store = await openTree({ ...context, platform: { ...context.platform, disk } }, path, {
      memtableBytes: memoryBytes,
      blockCacheBytes: memoryBytes,
      levelBytesBase: 4 * memoryBytes,
    });
    const numbers = shuffledNumbers(Math.ceil(bytes / (KEY_BYTES + VALUE_BYTES)));
    const filled = await fill(context, store, numbers);
    const writtenBytes = counts.writtenBytes;
    const read = await readSamples(context, store, numbers);
    const tables = store.stats().levels.reduce((sum, level) => sum + level.bytes, 0);
    await removeTree(store, path);
    const lone = (figure: string, unit: string, value: number, atMost?: number) =>
      loneFigure(
        {
          workload: "lsm-fill-large",
          figure,
          unit,
          ...(atMost === undefined ? {} : { target: { of: "value", atMost } }),
        },
        value,
      );
    const putBytes = numbers.length * (KEY_BYTES + VALUE_BYTES);
    return [
      lone("put_mb_per_s", "MB/s", putBytes / filled.ms / 1_000),
      lone("longest_wait_ms", "ms", filled.longestMs, 1_000),
      lone("resident_max_of_half_mb", "MB", filled.residentHalfBytes / 1e6),
      lone("resident_max_mb", "MB", filled.residentBytes / 1e6, 1_000),
      lone("write_amplification", "x", writtenBytes / putBytes),
      lone("tables_mb", "MB", tables / 1e6),
      lone("get_right_behind_us", "us", read.us),
    ];
  },
};

/** Values lie at places of one random block that follow from their numbers: known, and of no use to a compressor. */
const RANDOM = randomBytes(MEBIBYTE);
const placeOf = (number: number): number => Math.imul(number, 2_654_435_761) >>> 12;
const valueOf = (number: number): Uint8Array => {
  const at = placeOf(number) % (RANDOM.length - VALUE_BYTES);
  return RANDOM.subarray(at, at + VALUE_BYTES);
};

interface Filled {
  readonly ms: number;
  readonly longestMs: number;
  readonly residentBytes: number;
  /** While the first half was put: memory that grows with the tree would show. */
  readonly residentHalfBytes: number;
}

async function fill(
  { platform, progress }: BenchContext,
  store: LsmStore,
  numbers: Int32Array,
): Promise<Filled> {
  const { clock } = platform;
  const pairs = new PairFormat();
  const startMs = clock.monotonicMs();
  let longestMs = 0;
  let residentBytes = 0;
  let residentHalfBytes = 0;
  for (const [at, number] of numbers.entries()) {
    const beforeMs = clock.monotonicMs();
    const waited = store.put(pairs.formatKey(number), valueOf(number));
    if (waited !== undefined) await waited;
    longestMs = Math.max(longestMs, clock.monotonicMs() - beforeMs);
    if (at % PUTS_OF_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    if (at % 4_096 === 0) {
      residentBytes = Math.max(residentBytes, process.memoryUsage().rss);
      if (at < numbers.length / 2) residentHalfBytes = residentBytes;
      progress(`${Math.round(at / numbers.length * 100)} %, ${Math.round(residentBytes / 1e6)} MB resident`);
    }
  }
  return { ms: clock.monotonicMs() - startMs, longestMs, residentBytes, residentHalfBytes };
}

async function readSamples(
  { platform, isSmoke }: BenchContext,
  store: LsmStore,
  numbers: Int32Array,
): Promise<{ readonly us: number }> {
  const { clock } = platform;
  const pairs = new PairFormat();
  const step = Math.max(1, Math.floor(numbers.length / (isSmoke ? 500 : SAMPLES)));
  let count = 0;
  const startMs = clock.monotonicMs();
  for (let at = 0; at < numbers.length; at += step) {
    const number = numbers[at]!;
    const found = await store.get(pairs.formatKey(number));
    const expected = valueOf(number);
    if (found === null || found.length !== VALUE_BYTES || !found.every((byte, index) => byte === expected[index])) {
      throw new Error(`The pair ${number} is not what was put`);
    }
    count += 1;
  }
  return { us: (clock.monotonicMs() - startMs) * 1_000 / count };
}
