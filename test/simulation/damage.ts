/** Bits that change on the device while no broker runs. */
import { cutShort, flipBit, misdirectSector, SECTOR_BYTES } from "../../adapters/simulation/disk_damage.ts";
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
  partition.isDamaged = true;
  world.model.damagedDirectories.add(`${partition.topic.name}-${partition.partition}`);
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

/** The same in an index: a cache, which must be found wrong and built anew without a word (I42). */
export function damageIndex(world: World, random: SimulatedRandom): void {
  const files = filesOf(world, [".index", ".timeindex"]);
  if (files.length === 0) return;
  const { path, sizeBytes } = random.pick(files);
  world.probes.sometimes("a damaged index was mended");
  if (random.chance(1, 4)) cutShort(world.volume, path, random.below(sizeBytes));
  else flipBit(world.volume, path, random.below(sizeBytes), random.below(8));
}
