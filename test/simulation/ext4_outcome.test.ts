/** The judge of real power losses must accept what the model does, and nothing else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedDisk } from "../../adapters/simulation/disk.ts";
import { afterPowerLoss } from "../../adapters/simulation/power_loss.ts";
import type { DirectoryNode, Volume as VolumeType } from "../../adapters/simulation/volume.ts";
import { Volume } from "../../adapters/simulation/volume.ts";
import { unexplained } from "./ext4_outcome.ts";
import type { FoundTree } from "./ext4_outcome.ts";

function treeOf(directory: DirectoryNode): FoundTree {
  return new Map(
    [...directory.entries].map((
      [name, node],
    ) => [name, node.kind === "file" ? node.visible.view().slice() : treeOf(node)]),
  );
}

/** A durable file of 1,000 bytes, 500 more that are not, and a new name. */
async function scene(): Promise<VolumeType> {
  const volume = new Volume();
  const disk = new SimulatedDisk(volume);
  await disk.makeDirectory("/x");
  const file = await disk.open("/x/old", "create");
  await file.writeAt(0, [new Uint8Array(1_000).fill(1)]);
  await file.sync();
  await disk.syncDirectory("/x");
  await disk.syncDirectory("/");
  await file.writeAt(900, [new Uint8Array(600).fill(2)]);
  await disk.open("/x/new", "create");
  return volume;
}

test("unexplained() accepts what the model itself keeps", async () => {
  const volume = await scene();
  for (const kind of ["all-lost", "all-kept"] as const) {
    assert.deepEqual(unexplained(volume, treeOf(afterPowerLoss(volume, { kind }).root)), []);
  }
});

test("unexplained() names durable bytes that changed, sizes that never were, and names that are gone or too many", async () => {
  const volume = await scene();
  const found = (files: Record<string, Uint8Array>): FoundTree => new Map([["x", new Map(Object.entries(files))]]);
  const old = new Uint8Array(1_000).fill(1);
  assert.deepEqual(unexplained(volume, found({ old })), []);
  assert.deepEqual(unexplained(volume, found({ old: old.with(3, 9) })), ["/x/old: the sector at 0 was never so"]);
  assert.deepEqual(unexplained(volume, found({ old: old.subarray(1) })), ["/x/old has 999 bytes, not 1000 to 1500"]);
  assert.deepEqual(unexplained(volume, found({})), ["/x/old is missing"]);
  assert.deepEqual(unexplained(volume, found({ old, other: old })), ["/x/other should not be there"]);
});
