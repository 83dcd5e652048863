import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryDisk } from "../../../adapters/memory/disk.ts";
import { rejectsWith } from "../../conformance/disk.ts";

const CHUNK_BYTES = 64 * 1024;

test("memoryDisk() is full at its capacity, not below, and has room again after a removal", async () => {
  const disk = memoryDisk({ capacityBytes: 4 * CHUNK_BYTES });
  const first = await disk.open("/first", "create");
  await first.writeAt(0, [new Uint8Array(3 * CHUNK_BYTES)]);
  const second = await disk.open("/second", "create");
  await second.writeAt(0, [new Uint8Array(CHUNK_BYTES)]);
  assert.deepEqual(await disk.space("/"), { totalBytes: 4 * CHUNK_BYTES, freeBytes: 0 });
  await rejectsWith("no_space", second.writeAt(CHUNK_BYTES, [Uint8Array.of(1)]));
  await rejectsWith("no_space", second.truncate(CHUNK_BYTES + 1));
  assert.equal(await second.sizeBytes(), CHUNK_BYTES);
  await disk.remove("/first");
  await rejectsWith("no_space", second.writeAt(CHUNK_BYTES, [Uint8Array.of(1)]));
  await first.close();
  await second.writeAt(CHUNK_BYTES, [Uint8Array.of(1)]);
  assert.equal((await disk.space("/")).freeBytes, 2 * CHUNK_BYTES);
});

test("memoryDisk() appends without copying what is there", async () => {
  const disk = memoryDisk();
  const file = await disk.open("/log", "create");
  const slice = new Uint8Array(4096).fill(7);
  for (let at = 0; at < 64 * 1024 * 1024; at += slice.length) await file.writeAt(at, [slice]);
  const into = new Uint8Array(10);
  assert.equal(await file.readAt(64 * 1024 * 1024 - 5, into), 5);
  assert.deepEqual([...into], [7, 7, 7, 7, 7, 0, 0, 0, 0, 0]);
});
