/** A file system of a few megabytes, which can be filled. Needs the rights of root. */
import { mkdir, open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeTemporaryDirectory } from "../adapters/temporary_directory.ts";
import { runTool } from "./external_command.ts";

export type FileSystemKind = "tmpfs" | "ext4";

export interface SmallDisk extends AsyncDisposable {
  /** Where a broker's data may lie. */
  readonly dataPath: string;
  /** Takes what the ballast took: writes have room again. */
  release(): Promise<void>;
  /** Puts the ballast back. */
  load(): Promise<void>;
  /** Lets the ballast take every byte that is left. */
  fill(): Promise<void>;
}

const BALLAST_BYTES = 3 * 1024 * 1024;

export async function mountSmallDisk(kind: FileSystemKind, mebibytes: number): Promise<SmallDisk> {
  const directory = await makeTemporaryDirectory();
  const path = join(directory.path, "mounted");
  await mkdir(path);
  try {
    if (kind === "tmpfs") {
      runTool("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", path]);
    } else {
      const image = join(directory.path, "image");
      runTool("truncate", ["-s", `${mebibytes}M`, image]);
      runTool("mkfs.ext4", ["-q", "-F", "-m", "0", image]);
      runTool("mount", ["-o", "loop", image, path]);
    }
  } catch (thrown) {
    await directory.remove();
    throw thrown;
  }
  const ballast = join(path, "ballast");
  const load = (): Promise<void> => writeFile(ballast, new Uint8Array(BALLAST_BYTES));
  await load();
  return {
    dataPath: join(path, "data"),
    release: () => rm(ballast),
    load,
    fill: () => takeAll(ballast),
    async [Symbol.asyncDispose]() {
      runTool("umount", [path]);
      await directory.remove();
    },
  };
}

/** Appends to a file until nothing is taken, in ever smaller pieces. */
async function takeAll(path: string): Promise<void> {
  const file = await open(path, "a");
  try {
    for (const bytes of [1024 * 1024, 4_096, 1]) {
      while (await takes(() => file.write(new Uint8Array(bytes)))) {
        // There was room for it.
      }
    }
  } finally {
    await file.close();
  }
}

async function takes(write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write();
    return true;
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOSPC") return false;
    throw thrown;
  }
}
