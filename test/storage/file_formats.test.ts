/** Fear: bytes of a damaged file make a decoder throw, hang or take memory. And what is written must be read again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SentinelError } from "../../src/base/errors.ts";
import { crc32c } from "../../src/bytes/crc32c.ts";
import { memoryDisk } from "../../adapters/memory/disk.ts";
import { openDataDirectory, storeIdentity } from "../../src/storage/data_directory.ts";
import { decodeLeaderEpochs, encodeLeaderEpochs, LeaderEpochs } from "../../src/storage/log/leader_epochs.ts";
import { OffsetIndex } from "../../src/storage/log/offset_index.ts";
import { decodeSlot, encodeSlot } from "../../src/storage/log/recovery_point.ts";
import { scanSegment } from "../../src/storage/log/scan_segment.ts";
import { decodeProducerSnapshot, encodeProducerSnapshot } from "../../src/storage/log/producer_snapshot.ts";
import {
  parseSegmentFileName,
  parseSnapshotFileName,
  segmentFileName,
  snapshotFileName,
} from "../../src/storage/log/segment_file_name.ts";
import { TimeIndex } from "../../src/storage/log/time_index.ts";
import { loadPartitionMetadata, storePartitionMetadata } from "../../src/storage/partition_metadata.ts";
import { SeededRandom } from "../seeded_random.ts";
import { FaultyDisk } from "./faulty_disk.ts";
import { batchOf, IDENTITY } from "./log_fixture.ts";

const MUTATIONS = 20_000;

function mutations(seed: number, bytes: Uint8Array, check: (mutated: Uint8Array) => void): void {
  const random = new SeededRandom(seed);
  for (let count = 0; count < MUTATIONS; count++) check(random.mutate(bytes));
}

test("OffsetIndex.decode() takes what encode() wrote, and of anything else only what can be an index", () => {
  const index = new OffsetIndex(100);
  for (let entry = 1; entry <= 40; entry++) index.append(100 + entry * 3, entry * 500);
  const bytes = index.encode();
  assert.deepEqual(OffsetIndex.decode(100, bytes, 20_001)!.encode(), bytes);
  assert.equal(OffsetIndex.decode(100, bytes, 20_000), null);
  assert.equal(OffsetIndex.decode(100, bytes.slice(1), 20_001), null);
  mutations(1, bytes, (mutated) => {
    const decoded = OffsetIndex.decode(100, mutated, 20_001);
    if (decoded === null) return;
    assert.deepEqual(decoded.encode(), mutated);
    const found = decoded.lookup(150);
    assert.ok(found === null || (found.lastOffset <= 150 && found.position < 20_001));
  });
});

test("TimeIndex.decode() takes what encode() wrote, and of anything else only what can be one", () => {
  const index = new TimeIndex(100);
  for (let entry = 1; entry <= 40; entry++) index.maybeAppend(1_700_000_000_000 + entry, 100 + entry * 3);
  const bytes = index.encode();
  assert.deepEqual(TimeIndex.decode(100, bytes, 221)!.encode(), bytes);
  assert.equal(TimeIndex.decode(100, bytes, 220), null);
  mutations(2, bytes, (mutated) => {
    const decoded = TimeIndex.decode(100, mutated, 221);
    if (decoded === null) return;
    assert.deepEqual(decoded.encode(), mutated);
    decoded.lookupBefore(1_700_000_000_020);
  });
});

test("decodeSlot() takes a slot of this log, this place and this format only", () => {
  const point = { segmentBaseOffset: 5, position: 900, endOffset: 17, logStartOffset: 3, clean: true };
  const bytes = encodeSlot(point, 7, 1, IDENTITY);
  assert.deepEqual(decodeSlot(bytes, 1, IDENTITY), { sequence: 7, point });
  assert.equal(decodeSlot(bytes, 0, IDENTITY), null);
  assert.equal(decodeSlot(bytes, 1, IDENTITY.map((byte) => byte + 1)), null);
  mutations(3, bytes, (mutated) => {
    const decoded = decodeSlot(mutated, 1, IDENTITY);
    assert.ok(decoded === null || mutated.every((byte, at) => byte === bytes[at]));
  });
});

test("decodeLeaderEpochs() takes what encodeLeaderEpochs() wrote, and of anything else only increasing epochs", () => {
  const starts = [{ epoch: 1, startOffset: 0 }, { epoch: 4, startOffset: 20 }, {
    epoch: 7,
    startOffset: 9_007_199_254_740_990,
  }];
  const bytes = encodeLeaderEpochs(starts);
  assert.deepEqual(decodeLeaderEpochs(bytes)!.starts, starts);
  assert.deepEqual(decodeLeaderEpochs(encodeLeaderEpochs([]))!.starts, []);
  mutations(4, bytes, (mutated) => {
    const decoded = decodeLeaderEpochs(mutated);
    for (let at = 1; decoded !== null && at < decoded.starts.length; at++) {
      assert.ok(decoded.starts[at]!.epoch > decoded.starts[at - 1]!.epoch);
    }
  });
});

test("decodeProducerSnapshot() takes what encodeProducerSnapshot() wrote, and no other bytes", () => {
  const batch = (firstSequence: number, lastSequence: number, baseOffset: number, lastOffset: number) => (
    { firstSequence, lastSequence, baseOffset, lastOffset, timestamp: 1_700_000_000_000 }
  );
  const states = [
    { producerId: 7n, epoch: 2, batches: [batch(0, 0, 3, 3), batch(1, 3, 9, 11)] },
    { producerId: 9_223_372_036_854_775_807n, epoch: 32_767, batches: [batch(2_147_483_647, 1, 12, 14)] },
  ];
  const bytes = encodeProducerSnapshot(states);
  assert.equal(bytes.length, 10 + 3 * 46);
  assert.deepEqual(decodeProducerSnapshot(bytes, 15), states);
  assert.equal(decodeProducerSnapshot(bytes, 14), null, "it tells of a batch that the log does not have");
  assert.deepEqual(decodeProducerSnapshot(encodeProducerSnapshot([]), 0), []);
  mutations(8, bytes, (mutated) => {
    const decoded = decodeProducerSnapshot(mutated, 15);
    assert.ok(decoded === null || mutated.every((byte, at) => byte === bytes[at]));
  });
});

test("decodeProducerSnapshot() reads the bytes that Kafka's layout gives", () => {
  const hex = "0001" + "00000000" + "00000001" + "0000000000000005" + "0001" + "0000000a" + "0000000000000064" +
    "00000002" + "0000018bcfe56800" + "ffffffff" + "ffffffffffffffff";
  const bytes = Uint8Array.from(hex.match(/../g)!, (byte) => parseInt(byte, 16));
  assert.equal(decodeProducerSnapshot(bytes, 101), null, "its checksum is wrong");
  new DataView(bytes.buffer).setUint32(2, crc32c(bytes, 6));
  const batch = {
    firstSequence: 8,
    lastSequence: 10,
    baseOffset: 98,
    lastOffset: 100,
    timestamp: 1_700_000_000_000,
  };
  assert.deepEqual(decodeProducerSnapshot(bytes, 101), [{ producerId: 5n, epoch: 1, batches: [batch] }]);
});

test("parseSnapshotFileName() takes 20 digits and .snapshot", () => {
  assert.equal(snapshotFileName(42), "00000000000000000042.snapshot");
  assert.equal(parseSnapshotFileName("00000000000000000042.snapshot"), 42);
  for (const name of ["42.snapshot", "00000000000000000042.log", "99999999999999999999.snapshot"]) {
    assert.equal(parseSnapshotFileName(name), null, name);
  }
});

test("LeaderEpochs keep the history through trims and truncations", () => {
  const epochs = new LeaderEpochs([{ epoch: 1, startOffset: 0 }, { epoch: 3, startOffset: 10 }, {
    epoch: 4,
    startOffset: 20,
  }]);
  assert.equal(epochs.trimBefore(12), true);
  assert.deepEqual(epochs.starts, [{ epoch: 3, startOffset: 12 }, { epoch: 4, startOffset: 20 }]);
  assert.equal(epochs.trimBefore(12), false);
  assert.equal(epochs.truncateFrom(20), true);
  assert.equal(epochs.latest, 3);
  assert.throws(() => epochs.assign(2, 30), /epoch 2/);
});

test("scanSegment() of any bytes ends with a position inside the file, batches in order, and no more memory than a piece", async () => {
  const batches = [0, 1, 2, 3].map((seed) => batchOf(seed, { records: 2 }));
  for (const [at, batch] of batches.entries()) batch.stamp(at * 2, 0);
  const bytes = Uint8Array.from(batches.flatMap((batch) => [...batch.bytes]));
  const random = new SeededRandom(5);
  const disk = memoryDisk();
  const file = await disk.open("/segment", "write");
  for (let count = 0; count < MUTATIONS; count++) {
    const mutated = random.mutate(bytes);
    await file.truncate(0);
    await file.writeAt(0, [mutated]);
    let next = 0;
    const options = { from: 0, to: mutated.length, expectedOffset: 0, epochMin: -1, contiguous: true, pieceBytes: 100 };
    const end = await scanSegment(file, options, (batch, position) => {
      assert.ok(batch.baseOffset === next && position + batch.sizeBytes <= mutated.length && batch.hasValidCrc());
      next = batch.endOffset;
      return null;
    });
    assert.ok(end.position <= mutated.length && (end.fault !== null || end.position === mutated.length));
  }
  await file.close();
});

test("loadPartitionMetadata() takes a topic id or nothing", async () => {
  const disk = new FaultyDisk();
  await disk.makeDirectory("/a");
  await storePartitionMetadata(disk, "/a", "AAAAAAAAAAAAAAAAAAAAAQ");
  assert.equal(await loadPartitionMetadata(disk, "/a"), "AAAAAAAAAAAAAAAAAAAAAQ");
  const path = "/a/partition.metadata";
  const bytes = disk.bytesOf(path).slice();
  const random = new SeededRandom(6);
  for (let count = 0; count < 2_000; count++) {
    disk.put(path, random.mutate(bytes));
    const topicId = await loadPartitionMetadata(disk, "/a");
    assert.ok(topicId === null || topicId.length === 22);
  }
});

test("openDataDirectory() takes its own identity, or says that the file is damaged", async () => {
  const disk = new FaultyDisk();
  const chance = new SeededRandom(7);
  const random = { fill: (into: Uint8Array) => into.set(chance.bytes(into.length)), uint32: () => chance.uint32() };
  const made = await openDataDirectory(disk, random, "/data", 1);
  await storeIdentity(disk, "/data", made);
  await made.lock.release();
  const bytes = disk.bytesOf("/data/meta.properties").slice();
  for (let count = 0; count < 2_000; count++) {
    disk.put("/data/meta.properties", chance.mutate(bytes));
    try {
      await (await openDataDirectory(disk, random, "/data", 1)).lock.release();
    } catch (thrown) {
      assert.ok(thrown instanceof SentinelError && thrown.code === "storage_error", String(thrown));
    }
  }
  disk.put("/data/meta.properties", bytes);
  const again = await openDataDirectory(disk, random, "/data", 1);
  assert.deepEqual([again.isNew, again.clusterId, again.directoryId], [false, made.clusterId, made.directoryId]);
});

test("a directory that holds something and has no identity is refused", async () => {
  const disk = new FaultyDisk();
  await disk.makeDirectory("/data/photos");
  const random = { fill: () => {}, uint32: () => 0 };
  await assert.rejects(openDataDirectory(disk, random, "/data", 1), /holds photos/);
});

test("parseSegmentFileName() takes 20 digits and a known kind", () => {
  assert.equal(segmentFileName(42, "log"), "00000000000000000042.log");
  assert.deepEqual(parseSegmentFileName("00000000000000000042.timeindex"), { baseOffset: 42, kind: "timeindex" });
  for (
    const name of [
      "42.log",
      "0000000000000000004x.log",
      "00000000000000000042.log.tmp",
      "00000000000000000042.snapshot",
      "99999999999999999999.log",
    ]
  ) {
    assert.equal(parseSegmentFileName(name), null, name);
  }
});
