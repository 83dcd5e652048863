/**
 * I36, I44: the device changes bytes of a tree that were synced: flipped bits, files that are cut, files that have changed
 * places. That is told with the file's name, or changes nothing; it is never served and never cut away.
 */
import { cutShort, flipBit, overwrite } from "../../../adapters/simulation/disk_damage.ts";
import { afterPowerLoss } from "../../../adapters/simulation/power_loss.ts";
import { SimulatedRandom } from "../../../adapters/simulation/random.ts";
import type { Volume } from "../../../adapters/simulation/volume.ts";
import { drive } from "../crash_process.ts";
import { chosenPoints, type DamageReport } from "../damage_run.ts";
import { shortened, statesAfter } from "./tree_expectation.ts";
import { TreeRecoveries } from "./tree_recoveries.ts";
import type { TreeScenario } from "./tree_run.ts";
import { TREE_PATH } from "./tree_script.ts";

const TEXTS_KEPT = 10;

export async function runTreeDamage(
  scenario: TreeScenario,
  options: { readonly seed: number; readonly points: number; readonly trials: number },
): Promise<DamageReport> {
  const report: DamageReport = { scenario: scenario.name, trials: 0, told: 0, violations: 0, texts: [] };
  const random = new SimulatedRandom(options.seed).stream(`damage ${scenario.name}`);
  const { script, run } = scenario.prepare(options.seed);
  await drive(script.scheduler, run());
  script.recorder.endPoint();
  const recoveries = new TreeRecoveries(script.settings);
  for (const point of chosenPoints(script.recorder.points, options.points)) {
    const states = statesAfter(script.ledger.slice(0, point.told));
    const crashed = afterPowerLoss(point.volume, { kind: "all-kept" });
    const stopped = await recoveries.cleanlyStopped(crashed);
    for (let times = 0; times < options.trials; times++) {
      const isStopped = random.chance(1, 2);
      const volume = (isStopped ? stopped : crashed).copy();
      const damaged = damage(volume, damageable(volume, isStopped), random);
      if (damaged === null) continue;
      report.trials += 1;
      const found = await recoveries.of(volume);
      const faults = [...found.faults];
      if ("failure" in found || found.scrubbed.length > 0) report.told += 1;
      const texts = found.scrubbed.map(({ path }) => path);
      if ("failure" in found) texts.push(found.failure);
      else if (!states.has(found.text)) faults.push(`it finds ${shortened(found.text)}`);
      for (const text of texts) {
        if (!damaged.names.some((name) => text.includes(name))) faults.push(`it is not told which file: ${text}`);
      }
      report.violations += faults.length;
      const place = `${damaged.what}${isStopped ? " after a clean stop" : ""}`;
      report.texts.push(...faults.map((fault) => `${place}: ${fault}`).slice(0, TEXTS_KEPT - report.texts.length));
    }
  }
  return report;
}

/** Files in which every byte is known to be synced. Above its recovery point the newest log may be cut by rights. */
function damageable(volume: Volume, isStopped: boolean): string[] {
  const paths = volume.filePaths().filter((path) => path.startsWith(`${TREE_PATH}/`) && !path.endsWith("LOCK"));
  const logs = paths.filter((path) => path.endsWith(".log"));
  return paths.filter((path) => {
    if (path.endsWith(".sst")) return true;
    if (isStopped) return true;
    return path.endsWith(".log") && path !== logs.at(-1);
  });
}

/** Changes one file, or two that change places; null when it has no bytes. `names`: what must be in what is told. */
function damage(
  volume: Volume,
  paths: readonly string[],
  random: SimulatedRandom,
): { readonly what: string; readonly names: readonly string[] } | null {
  if (paths.length === 0) return null;
  const path = random.pick(paths);
  const sizeBytes = bytesAt(volume, path).length;
  if (sizeBytes === 0) return null;
  const kind = random.below(8);
  const other = random.pick(paths);
  if (kind === 0 && other !== path && !path.endsWith("recovery-point") && !other.endsWith("recovery-point")) {
    swap(volume, path, other);
    return { what: `${path} and ${other} swapped`, names: [nameOf(path), nameOf(other)] };
  }
  // Both slots of a recovery point lie in its first half.
  if (kind === 1 && !path.endsWith("recovery-point")) {
    const keptBytes = random.below(sizeBytes);
    cutShort(volume, path, keptBytes);
    return { what: `${path} cut to ${keptBytes} of ${sizeBytes} bytes`, names: [nameOf(path)] };
  }
  const position = path.endsWith("recovery-point")
    ? random.below(2) * 4_096 + random.below(64)
    : random.below(sizeBytes);
  const bit = random.below(8);
  flipBit(volume, path, position, bit);
  return { what: `bit ${bit} of byte ${position} of ${path} flipped`, names: [nameOf(path)] };
}

function swap(volume: Volume, one: string, other: string): void {
  const [first, second] = [bytesAt(volume, one).slice(), bytesAt(volume, other).slice()];
  for (const [path, bytes] of [[one, second], [other, first]] as const) {
    const node = volume.find(path);
    if (node?.kind !== "file") continue;
    for (const content of [node.visible, node.durable]) content.resize(bytes.length);
    overwrite(volume, path, 0, bytes);
  }
}

function bytesAt(volume: Volume, path: string): Uint8Array {
  const node = volume.find(path);
  return node?.kind === "file" ? node.visible.view() : new Uint8Array(0);
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
