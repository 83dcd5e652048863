/**
 * I36, I44: the device changes bytes that were synced. After a clean stop every byte of a log is known to be durable, so
 * damage is damage and no torn tail: it is told, never served and never cut away. Indexes, producer snapshots and
 * recovery points are made good without a word.
 */
import { cutShort, flipBit } from "../../adapters/simulation/disk_damage.ts";
import { afterPowerLoss } from "../../adapters/simulation/power_loss.ts";
import { SimulatedRandom } from "../../adapters/simulation/random.ts";
import type { Volume } from "../../adapters/simulation/volume.ts";
import { checkObserved } from "./checkers/check_observed.ts";
import type { CrashPoint } from "./crash_point.ts";
import { drive } from "./crash_process.ts";
import { expectationOf } from "./expectation.ts";
import type { Expectation } from "./expectation.ts";
import { Recoveries } from "./recoveries.ts";
import type { Scenario } from "./scenario.ts";

/** Files that a start can do without, or makes again from others. */
const REPLACEABLE_REGEXP = /\.index$|\.timeindex$|\.snapshot$|recovery-point$|cleaner-checkpoint(\.twin)?$/;
const PARTITION_FILE_REGEXP = /^\/data\/(?!__cluster)[^/]+-\d+\/[^/]+$/;
const TEXTS_KEPT = 10;

export interface DamageReport {
  readonly scenario: string;
  /** Damaged images. */
  trials: number;
  /** Those where a partition said that it is damaged. */
  told: number;
  violations: number;
  readonly texts: string[];
}

/** Runs a scenario and damages the disk as it was at some of its crash points, `trials` times at each. */
export async function runDamage(
  scenario: Scenario,
  options: { readonly seed: number; readonly points: number; readonly trials: number },
): Promise<DamageReport> {
  const report: DamageReport = { scenario: scenario.name, trials: 0, told: 0, violations: 0, texts: [] };
  const random = new SimulatedRandom(options.seed).stream(`damage ${scenario.name}`);
  const { script, run } = scenario.prepare(options.seed);
  await drive(script.scheduler, run());
  script.recorder.endPoint();
  const recoveries = new Recoveries(script.opens);
  const trial = { random, recoveries, report };
  // One rotten slot leaves the other, whenever it happens: neither may ask for what is gone.
  for (const point of script.recorder.points) {
    const volume = afterPowerLoss(point.volume, { kind: "all-kept" });
    const path = random.pick(
      volume.filePaths().filter((each) => /^\/data\/(?!__cluster).*\/recovery-point$/.test(each)),
    );
    const expectation = expectationOf(script.ledger.slice(0, point.told));
    await damageOnce(volume, path, { ...trial, expectation, canCut: false });
  }
  for (const point of chosenPoints(script.recorder.points, options.points)) {
    const volume = await recoveries.cleanlyStopped(afterPowerLoss(point.volume, { kind: "all-kept" }));
    const expectation = expectationOf(script.ledger.slice(0, point.told));
    const paths = volume.filePaths().filter((path) => PARTITION_FILE_REGEXP.test(path));
    for (let times = 0; times < options.trials; times++) {
      await damageOnce(volume.copy(), random.pick(paths), { ...trial, expectation, canCut: true });
    }
  }
  return report;
}

/** The last one, and others at equal distances before it. */
export function chosenPoints(points: readonly CrashPoint[], count: number): CrashPoint[] {
  const step = Math.max(1, Math.floor(points.length / count));
  return points.filter((_, index) => (points.length - 1 - index) % step === 0).slice(-count);
}

async function damageOnce(
  volume: Volume,
  path: string,
  trial: {
    readonly random: SimulatedRandom;
    readonly recoveries: Recoveries;
    readonly expectation: Expectation;
    readonly report: DamageReport;
    /** Cutting a file may take both slots of a recovery point. */
    readonly canCut: boolean;
  },
): Promise<void> {
  const { random, recoveries, expectation, report, canCut } = trial;
  const what = damage(volume, path, random, canCut);
  if (what === null) return;
  report.trials += 1;
  const recovery = await recoveries.of(volume);
  const faults = "failure" in recovery
    ? [`it does not start: ${recovery.failure}`]
    : checkObserved(recovery.observed, expectation, { mayBeOffline: !REPLACEABLE_REGEXP.test(path) });
  // What a snapshot says shows when producers send again.
  if (path.endsWith(".snapshot")) faults.push(...await recoveries.appendFaults(volume));
  if ("observed" in recovery) {
    const isTold = recovery.observed.topics.some(({ partitions }) => partitions.some(({ fault }) => fault !== null));
    if (isTold) report.told += 1;
  }
  report.violations += faults.length;
  report.texts.push(...faults.map((fault) => `${what}: ${fault}`).slice(0, TEXTS_KEPT - report.texts.length));
}

/** Changes one file; null when it has no bytes. */
function damage(volume: Volume, path: string, random: SimulatedRandom, canCut: boolean): string | null {
  const node = volume.find(path);
  const sizeBytes = node?.kind === "file" ? node.visible.sizeBytes : 0;
  if (sizeBytes === 0) return null;
  if (canCut && random.chance(1, 8)) {
    const keptBytes = cutPosition(path, sizeBytes, random);
    cutShort(volume, path, keptBytes);
    return `${path} cut to ${keptBytes} of ${sizeBytes} bytes`;
  }
  const position = path.endsWith("recovery-point") ? slotPosition(random) : random.below(sizeBytes);
  const bit = random.below(8);
  flipBit(volume, path, position, bit);
  return `bit ${bit} of byte ${position} of ${path} flipped`;
}

/** A byte of one of the two slots: what lies between them is never read. */
function slotPosition(random: SimulatedRandom): number {
  return random.below(2) * 4_096 + random.below(64);
}

/**
 * A recovery point keeps its first slot. A time index is torn inside an entry: cut between two it is a shorter one that
 * nothing tells from a whole one.
 */
function cutPosition(path: string, sizeBytes: number, random: SimulatedRandom): number {
  if (path.endsWith("recovery-point")) return random.between(64, sizeBytes - 1);
  const keptBytes = random.below(sizeBytes);
  return path.endsWith(".timeindex") && keptBytes % 12 === 0 ? keptBytes + 1 : keptBytes;
}
