/** What a simulated disk keeps and loses: the rules that every crash test stands on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedDisk } from "../../../adapters/simulation/disk.ts";
import { cutShort, flipBit, misdirectSector, sectorOf } from "../../../adapters/simulation/disk_damage.ts";
import { afterPowerLoss, pendingSequences } from "../../../adapters/simulation/power_loss.ts";
import { SimulatedRandom } from "../../../adapters/simulation/random.ts";
import { Volume } from "../../../adapters/simulation/volume.ts";
import type { DiskFile } from "../../../src/platform/disk.ts";
import { pattern, rejectsWith } from "../../conformance/disk.ts";

interface Scene {
  readonly volume: Volume;
  readonly disk: SimulatedDisk;
  readonly file: DiskFile;
}

/** `/data/file` with 5,000 bytes, everything durable. */
async function syncedFile(): Promise<Scene> {
  const volume = new Volume();
  const disk = new SimulatedDisk(volume);
  await disk.makeDirectory("/data");
  await disk.syncDirectory("/");
  const file = await disk.open("/data/file", "create");
  await file.writeAt(0, [pattern(0, 5_000)]);
  await file.sync();
  await disk.syncDirectory("/data");
  return { volume, disk, file };
}

async function contentOf(volume: Volume, path: string): Promise<Uint8Array> {
  const file = await new SimulatedDisk(volume).open(path, "read");
  const bytes = new Uint8Array(await file.sizeBytes());
  await file.readAt(0, bytes);
  return bytes;
}

test("a power loss keeps what was synced and may lose what was not", async () => {
  const { volume, file } = await syncedFile();
  await file.writeAt(5_000, [pattern(5_000, 5_000)]);
  assert.deepEqual(await contentOf(afterPowerLoss(volume, { kind: "all-lost" }), "/data/file"), pattern(0, 5_000));
  assert.deepEqual(await contentOf(afterPowerLoss(volume, { kind: "all-kept" }), "/data/file"), pattern(0, 10_000));
});

test("a kill keeps everything, and a power loss after it still takes what was never synced", async () => {
  const { volume, disk, file } = await syncedFile();
  await file.writeAt(5_000, [pattern(5_000, 5_000)]);
  disk.halt();
  assert.deepEqual(await contentOf(volume, "/data/file"), pattern(0, 10_000));
  assert.deepEqual(await contentOf(volume.copy(), "/data/file"), pattern(0, 10_000));
  assert.equal((await contentOf(afterPowerLoss(volume.copy(), { kind: "all-lost" }), "/data/file")).length, 5_000);
});

test("a name is durable after its directory's sync, not after the file's", async () => {
  const { volume, disk, file } = await syncedFile();
  const second = await disk.open("/data/second", "create");
  await second.writeAt(0, [pattern(0, 10)]);
  await second.sync();
  await disk.rename("/data/file", "/data/moved");
  await file.sync();
  const listed = async (after: Volume) => await new SimulatedDisk(after).list("/data");
  assert.deepEqual(await listed(afterPowerLoss(volume, { kind: "all-lost" })), ["file"]);
  assert.deepEqual(await listed(afterPowerLoss(volume, { kind: "all-kept" })), ["moved", "second"]);
  await disk.syncDirectory("/data");
  assert.deepEqual(await listed(afterPowerLoss(volume, { kind: "all-lost" })), ["moved", "second"]);
  await disk.remove("/data/second");
  assert.deepEqual(await contentOf(afterPowerLoss(volume, { kind: "all-lost" }), "/data/second"), pattern(0, 10));
});

test("a rename is there as a whole or not at all, whatever is lost", async () => {
  const { volume, disk } = await syncedFile();
  const temporary = await disk.open("/data/file.tmp", "create");
  await temporary.writeAt(0, [pattern(7, 20)]);
  await temporary.sync();
  await disk.rename("/data/file.tmp", "/data/file");
  const random = new SimulatedRandom(1);
  const sizes = new Set<number>();
  for (let round = 0; round < 100; round++) {
    const after = afterPowerLoss(volume, { kind: "random", random, names: round % 2 === 0 ? "prefix" : "subset" });
    const bytes = await contentOf(after, "/data/file");
    assert.deepEqual(bytes, bytes.length === 20 ? pattern(7, 20) : pattern(0, 5_000));
    sizes.add(bytes.length);
  }
  assert.deepEqual([...sizes].sort((a, b) => a - b), [20, 5_000]);
});

test("one-lost takes each pending change in turn", async () => {
  const { volume, disk, file } = await syncedFile();
  for (let index = 0; index < 3; index++) await file.writeAt(5_000 + index, [pattern(5_000 + index, 1)]);
  await file.truncate(5_002);
  await disk.open("/data/other", "create");
  assert.equal(pendingSequences(volume).length, 5);
  const outcome = async (index: number) => {
    const after = afterPowerLoss(volume, { kind: "one-lost", index });
    const bytes = await contentOf(after, "/data/file");
    return [bytes.length, bytes[5_000], bytes[5_001], (await new SimulatedDisk(after).list("/data")).length];
  };
  const [first, second] = pattern(5_000, 2);
  assert.deepEqual(await outcome(0), [5_002, 0, second, 2]);
  assert.deepEqual(await outcome(1), [5_002, first, 0, 2]);
  assert.deepEqual(await outcome(2), [5_002, first, second, 2]);
  assert.deepEqual(await outcome(3), [5_003, first, second, 2]);
  assert.deepEqual(await outcome(4), [5_002, first, second, 1]);
});

test("a random loss tears writes by page and sector and never touches what was synced", async () => {
  const { volume, file } = await syncedFile();
  await file.writeAt(5_000, [pattern(5_000, 20_000)]);
  const random = new SimulatedRandom(3);
  const outcomes = new Set<string>();
  for (let round = 0; round < 60; round++) {
    const after = afterPowerLoss(volume, { kind: "random", random, names: "prefix" });
    const bytes = await contentOf(after, "/data/file");
    assert.ok(bytes.length >= 5_000 && bytes.length <= 25_000);
    assert.deepEqual(bytes.subarray(0, 5_000), pattern(0, 5_000));
    outcomes.add(after.hash());
  }
  assert.ok(outcomes.size > 20, `${outcomes.size} outcomes`);
});

test("a failed sync that loses its pages lets the next one succeed and prove nothing", async () => {
  const { volume, disk, file } = await syncedFile();
  await file.writeAt(5_000, [pattern(5_000, 100)]);
  disk.faults.add({ operation: "sync", pathPart: "file", code: "io", times: 1, effect: "lost" });
  await rejectsWith("io", file.sync());
  await file.sync();
  assert.equal((await contentOf(volume, "/data/file")).length, 5_100);
  assert.equal((await contentOf(afterPowerLoss(volume, { kind: "all-kept" }), "/data/file")).length, 5_000);
});

test("crashAfterEffect: the process dies right after the effect and never hears of it", async () => {
  const volume = new Volume();
  const effects: string[] = [];
  const disk = new SimulatedDisk(volume, {
    crashAfterEffect: 3,
    onEffect: ({ number, operation, path }) => effects.push(`${number} ${operation} ${path}`),
  });
  const heard: string[] = [];
  const work = async (): Promise<void> => {
    await disk.makeDirectory("/data");
    const file = await disk.open("/data/file", "create");
    heard.push("opened");
    await file.writeAt(0, [pattern(0, 10)]);
    heard.push("written");
  };
  void work();
  await disk.halted;
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.deepEqual(heard, ["opened"]);
  assert.deepEqual(effects, ["1 make directory /data", "2 open /data/file", "3 write /data/file"]);
  assert.deepEqual(await contentOf(volume, "/data/file"), pattern(0, 10));
});

test("halt() frees the locks and the room of removed files that were open", async () => {
  const { volume, disk, file } = await syncedFile();
  await disk.lock("/data/.lock");
  const { freeBytes } = volume;
  await disk.remove("/data/file");
  assert.equal(volume.freeBytes, freeBytes);
  await file.readAt(0, new Uint8Array(1));
  await rejectsWith("locked", new SimulatedDisk(volume).lock("/data/.lock"));
  disk.halt();
  assert.equal(volume.freeBytes, freeBytes + 8_192);
  await (await new SimulatedDisk(volume).lock("/data/.lock")).release();
});

test("a full disk writes what fits, and works again when there is room", async () => {
  const { volume, file } = await syncedFile();
  volume.capacityBytes = 3 * 4096;
  await file.writeAt(8_192, [pattern(0, 4_096)]);
  assert.equal(volume.freeBytes, 0);
  await rejectsWith("no_space", file.writeAt(12_200, [pattern(0, 200)]));
  assert.equal(await file.sizeBytes(), 12_288);
  await rejectsWith("no_space", file.truncate(12_289));
  await file.truncate(4_096);
  assert.equal(volume.freeBytes, 8_192);
  await file.writeAt(4_096, [pattern(0, 8_192)]);
});

test("descriptors run out at the limit and come back with close()", async () => {
  const { disk, file } = await syncedFile();
  disk.faults.openFilesMax = 2;
  const second = await disk.open("/data/file", "read");
  await rejectsWith("too_many_open_files", disk.open("/data/file", "read"));
  await second.close();
  await file.close();
  await disk.open("/data/file", "read");
  await disk.open("/data/file", "read");
});

test("a fault fails as often as it says, and part of a failed write may be there", async () => {
  const { disk, file } = await syncedFile();
  disk.faults.add({ operation: "write", pathPart: "", code: "io", times: 2, effect: "part" });
  await rejectsWith("io", file.writeAt(5_000, [pattern(0, 100)]));
  await rejectsWith("io", file.writeAt(5_000, [pattern(0, 100)]));
  assert.equal(await file.sizeBytes(), 5_050);
  await file.writeAt(5_000, [pattern(0, 100)]);
  disk.faults.add({ operation: "read", pathPart: "", code: "io", times: Infinity, effect: "none" });
  for (let round = 0; round < 3; round++) await rejectsWith("io", file.readAt(0, new Uint8Array(1)));
  disk.faults.clear();
  assert.equal(await file.readAt(0, new Uint8Array(1)), 1);
  assert.equal(disk.faults.met.get("write io part"), 2);
});

test("hash() tells volumes apart by content, names and what is durable, and copy() keeps it", async () => {
  const { volume, file } = await syncedFile();
  const before = volume.hash();
  assert.equal(volume.copy().hash(), before);
  const copy = volume.copy();
  flipBit(copy, "/data/file", 100, 3);
  assert.notEqual(copy.hash(), before);
  flipBit(copy, "/data/file", 100, 3);
  assert.equal(copy.hash(), before);
  await file.writeAt(0, [pattern(1, 1)]);
  const written = volume.hash();
  assert.notEqual(written, before);
  await file.sync();
  assert.notEqual(volume.hash(), written);
});

test("damage stays inside the file and inside its volume", async () => {
  const { volume } = await syncedFile();
  const copy = volume.copy();
  misdirectSector(copy, { path: "/data/file", sector: 0 }, { path: "/data/file", sector: 9 });
  const bytes = await contentOf(copy, "/data/file");
  assert.equal(bytes.length, 5_000);
  assert.deepEqual(bytes.subarray(4_608), sectorOf(volume, "/data/file", 0).subarray(0, 392));
  cutShort(copy, "/data/file", 10);
  assert.equal((await contentOf(copy, "/data/file")).length, 10);
  assert.deepEqual(await contentOf(volume, "/data/file"), pattern(0, 5_000));
});
