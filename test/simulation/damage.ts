/** Bits that change on the device while no broker runs. */
import {
  cutShort,
  flipBit,
  misdirectSector,
  overwrite,
  SECTOR_BYTES,
  sectorOf,
} from "../../adapters/simulation/disk_damage.ts";
import type { SimulatedRandom } from "../../adapters/simulation/random.ts";
import type { FileNode } from "../../adapters/simulation/volume.ts";
import { DATA_PATH } from "./broker_node.ts";
import type { PartitionModel } from "./model.ts";
import type { World } from "./world.ts";

interface FileOfPartition {
  readonly partition: PartitionModel;
  readonly path: string;
  readonly sizeBytes: number;
}

function filesOf(world: World, endings: readonly string[]): FileOfPartition[] {
  const partitions = new Map(
    [...world.model.partitions()].map((each) => [`${each.topic.name}-${each.partition}`, each]),
  );
  const found: FileOfPartition[] = [];
  for (const path of world.volume.filePaths()) {
    const [, directory = ""] = path.slice(DATA_PATH.length).split("/");
    const partition = partitions.get(directory);
    if (partition === undefined || !endings.some((ending) => path.endsWith(ending))) continue;
    const { sizeBytes } = (world.volume.find(path) as FileNode).visible;
    if (sizeBytes > 0) found.push({ partition, path, sizeBytes });
  }
  return found;
}

/** A flipped bit, a sector from elsewhere, or an end that is gone, in a log below its recovery point (I44). */
export function damageLog(world: World, random: SimulatedRandom): void {
  const files = filesOf(world, [".log"]);
  if (files.length === 0) return;
  const { partition, path, sizeBytes } = random.pick(files);
  noteDamage(world, partition);
  switch (random.below(4)) {
    case 0: {
      const other = random.pick(files);
      const sector = random.below(Math.ceil(sizeBytes / SECTOR_BYTES));
      misdirectSector(world.volume, {
        path: other.path,
        sector: random.below(Math.ceil(other.sizeBytes / SECTOR_BYTES)),
      }, { path, sector });
      return;
    }
    case 1:
      cutShort(world.volume, path, random.below(sizeBytes));
      return;
    default:
      flipBit(world.volume, path, random.below(sizeBytes), random.below(8));
  }
}

function noteDamage(world: World, partition: PartitionModel): void {
  partition.isDamaged = true;
  world.model.damagedDirectories.add(`${partition.topic.name}-${partition.partition}`);
}

/** What a sector of a log held at some time. */
export interface OldSector {
  readonly file: FileOfPartition;
  readonly sector: number;
  readonly bytes: Uint8Array;
}

/** The last sector of a log, which the next append changes: a sector that is full already never changes again. */
export function rememberSector(world: World, random: SimulatedRandom): OldSector | null {
  const files = filesOf(world, [".log"]);
  if (files.length === 0) return null;
  const file = random.pick(files);
  const sector = Math.floor((file.sizeBytes - 1) / SECTOR_BYTES);
  return { file, sector, bytes: sectorOf(world.volume, file.path, sector) };
}

/**
 * Puts it back, filled up with zeros. Not where something was cut off and written anew meanwhile: an older batch of the
 * same offset and epoch is what nothing can tell from the one that took its place (design D2).
 */
export function restoreSector(world: World, { file, sector, bytes }: OldSector): void {
  const { path, partition } = file;
  if (!filesOf(world, [".log"]).some((other) => other.path === path && other.partition === partition)) return;
  const now = sectorOf(world.volume, path, sector);
  if (!bytes.every((byte, at) => byte === now[at])) return;
  const old = new Uint8Array(now.length);
  old.set(bytes);
  if (old.every((byte, at) => byte === now[at])) return;
  noteDamage(world, partition);
  world.probes.sometimes("a stale sector came back");
  overwrite(world.volume, path, sector * SECTOR_BYTES, old);
}

/** The same in an index: a cache, which must be found wrong and built anew without a word (I42). */
export function damageIndex(world: World, random: SimulatedRandom): void {
  const files = filesOf(world, [".index", ".timeindex"]);
  if (files.length === 0) return;
  const { path, sizeBytes } = random.pick(files);
  world.probes.sometimes("a damaged index was mended");
  world.model.damagedIndexes.add(path);
  if (random.chance(1, 4)) cutShort(world.volume, path, random.below(sizeBytes));
  else flipBit(world.volume, path, random.below(sizeBytes), random.below(8));
}
