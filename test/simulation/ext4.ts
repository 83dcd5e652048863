/**
 * The simulated disk against the real ext4: the same operations on both, then the image behind the mounted file system is
 * copied while it is in use, and the copy mounted, which is what a power loss leaves. What is found must be something
 * that the model allows (reliability §0.8). Needs root: `npm run simulate -- --against-ext4 100`.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { bunDisk } from "../../adapters/bun/disk.ts";
import { SimulatedDisk } from "../../adapters/simulation/disk.ts";
import { SimulatedRandom } from "../../adapters/simulation/random.ts";
import { Volume } from "../../adapters/simulation/volume.ts";
import type { Disk, DiskFile } from "../../src/platform/disk.ts";
import { unexplained } from "./ext4_outcome.ts";
import type { FoundTree } from "./ext4_outcome.ts";

const IMAGE_MEGABYTES = 16;
const OPERATIONS = 60;
const NAMES = ["a", "b", "c", "d"];

/** One disk of the two, with the files that are open on it. */
class Side {
  readonly disk: Disk;
  readonly #root: string;
  readonly #files = new Map<string, DiskFile>();

  constructor(disk: Disk, root: string) {
    this.disk = disk;
    this.#root = root;
  }

  async do(random: SimulatedRandom): Promise<void> {
    const directory = random.pick(["", "/x", "/y"]);
    const path = `${this.#root}${directory}/${random.pick(NAMES)}`;
    const other = `${this.#root}${directory}/${random.pick(NAMES)}`;
    const action = random.below(10);
    const [position, bytes, size] = [
      random.below(20_000),
      random.bytes(random.skewed(600, 9_000)),
      random.below(20_000),
    ];
    try {
      if (action < 4) await (await this.#file(path)).writeAt(position, [bytes]);
      else if (action === 4) await (await this.#file(path)).truncate(size);
      else if (action < 7) await (await this.#file(path)).sync();
      else if (action === 7) await this.disk.syncDirectory(`${this.#root}${directory}`);
      else if (action === 8) await this.#rename(path, other);
      else await this.disk.remove(path);
    } catch {
      // What is not there cannot be renamed or removed: on neither of the two.
    }
  }

  async close(): Promise<void> {
    for (const file of this.#files.values()) await file.close();
  }

  async #file(path: string): Promise<DiskFile> {
    const status = await this.disk.status(path);
    const open = this.#files.get(path);
    if (open !== undefined && status !== null) return open;
    await open?.close();
    const file = await this.disk.open(path, "write");
    this.#files.set(path, file);
    return file;
  }

  async #rename(from: string, to: string): Promise<void> {
    if (from === to) return;
    await this.disk.rename(from, to);
    for (const path of [from, to]) {
      await this.#files.get(path)?.close();
      this.#files.delete(path);
    }
  }
}

function readTree(path: string): FoundTree {
  if (!statSync(path).isDirectory()) return new Uint8Array(readFileSync(path));
  return new Map(
    readdirSync(path).filter((name) => name !== "lost+found").map((name) => [name, readTree(join(path, name))]),
  );
}

async function round(seed: number): Promise<string[]> {
  const work = mkdtempSync("/dev/shm/sentinel-ext4-");
  const [image, copy, live, after] = ["image", "copy", "live", "after"].map((name) => join(work, name)) as [
    string,
    string,
    string,
    string,
  ];
  const mounted: string[] = [];
  const mount = (file: string, at: string): void => {
    mkdirSync(at);
    execFileSync("mount", ["-o", "loop", file, at]);
    mounted.push(at);
  };
  try {
    execFileSync("truncate", ["-s", `${IMAGE_MEGABYTES}M`, image]);
    execFileSync("mkfs.ext4", ["-q", image]);
    mount(image, live);
    const volume = new Volume();
    const sides = [new Side(bunDisk(), live), new Side(new SimulatedDisk(volume), "")];
    for (const [index, side] of sides.entries()) {
      const root = index === 0 ? live : "";
      for (const name of ["x", "y"]) await side.disk.makeDirectory(`${root}/${name}`);
      await side.disk.syncDirectory(root === "" ? "/" : root);
    }
    const random = new SimulatedRandom(seed);
    const operations = random.between(5, OPERATIONS);
    for (let turn = 0; turn < operations; turn++) {
      for (const side of sides) await side.do(random.stream(`operation ${turn}`));
    }
    execFileSync("cp", ["--sparse=always", image, copy]);
    await sides[0]!.close();
    mount(copy, after);
    return unexplained(volume, readTree(after));
  } finally {
    for (const at of mounted.reverse()) execFileSync("umount", [at]);
    rmSync(work, { recursive: true, force: true });
  }
}

const rounds = Number(process.argv[2] ?? 20);
let failed = 0;
for (let seed = 1; seed <= rounds; seed++) {
  const lines = await round(seed);
  if (lines.length > 0) failed += 1;
  for (const line of lines) console.log(`seed ${seed}: ${line}`);
}
console.log(`${rounds} power losses on ext4, ${failed} that the simulated disk does not allow`);
process.exitCode = failed === 0 ? 0 : 1;
