/** The small files of a log and of the data directory: a decoder takes what its encoder wrote, or says that it is none. */
import assert from "node:assert/strict";
import { openDataDirectory, storeIdentity } from "../../../src/storage/data_directory.ts";
import { decodeCleanerCheckpoint, encodeCleanerCheckpoint } from "../../../src/storage/log/cleaner_checkpoint.ts";
import { decodeLeaderEpochs, encodeLeaderEpochs } from "../../../src/storage/log/leader_epochs.ts";
import { OffsetIndex } from "../../../src/storage/log/offset_index.ts";
import { decodeSlot, encodeSlot } from "../../../src/storage/log/recovery_point.ts";
import { decodeProducerSnapshot, encodeProducerSnapshot } from "../../../src/storage/log/producer_snapshot.ts";
import { parseSegmentFileName, segmentFileName } from "../../../src/storage/log/segment_file_name.ts";
import { TimeIndex } from "../../../src/storage/log/time_index.ts";
import { loadPartitionMetadata, storePartitionMetadata } from "../../../src/storage/partition_metadata.ts";
import { SeededRandom } from "../../seeded_random.ts";
import { FaultyDisk } from "../../storage/faulty_disk.ts";
import { IDENTITY } from "../../storage/log_fixture.ts";
import type { FuzzTarget } from "../fuzz_target.ts";
import { mutate } from "../mutation.ts";
import { refusalsAllowed } from "./documented_errors.ts";

const SEGMENT_BYTES = 20_001;
const BASE = 100;
const END = 221;

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}

function indexBytes(): readonly [Uint8Array, Uint8Array] {
  const offsets = new OffsetIndex(BASE);
  const times = new TimeIndex(BASE);
  for (let entry = 1; entry <= 20; entry++) {
    offsets.append(BASE + entry * 3, entry * 500);
    times.maybeAppend(1_700_000_000_000 + entry, BASE + entry * 3);
  }
  return [offsets.encode(), times.encode()];
}

function checkOffsetIndex(bytes: Uint8Array): void {
  const decoded = OffsetIndex.decode(BASE, bytes, SEGMENT_BYTES);
  if (decoded === null) return;
  assert.ok(sameBytes(decoded.encode(), bytes));
  const found = decoded.lookup(150);
  assert.ok(found === null || (found.lastOffset <= 150 && found.position < SEGMENT_BYTES));
}

function checkTimeIndex(bytes: Uint8Array): void {
  const decoded = TimeIndex.decode(BASE, bytes, END);
  if (decoded === null) return;
  assert.ok(sameBytes(decoded.encode(), bytes));
  const found = decoded.lookupBefore(1_700_000_000_010);
  assert.ok(found === null || (found.timestamp < 1_700_000_000_010 && found.lastOffset < END));
}

function checkSlot(bytes: Uint8Array, whole: Uint8Array): void {
  const decoded = decodeSlot(bytes, 1, IDENTITY);
  assert.ok(decoded === null || sameBytes(bytes, whole), "A slot was taken that nobody wrote");
}

function checkEpochs(bytes: Uint8Array): void {
  const starts = decodeLeaderEpochs(bytes)?.starts;
  if (starts === undefined) return;
  for (let at = 1; at < starts.length; at++) {
    assert.ok(starts[at]!.epoch > starts[at - 1]!.epoch && starts[at]!.startOffset > starts[at - 1]!.startOffset);
  }
  assert.deepEqual(decodeLeaderEpochs(encodeLeaderEpochs(starts))?.starts, starts);
}

function checkSnapshot(bytes: Uint8Array, whole: Uint8Array): void {
  const states = decodeProducerSnapshot(bytes, END);
  assert.ok(states === null || sameBytes(bytes, whole), "A snapshot was taken that nobody wrote");
}

function checkCheckpoint(bytes: Uint8Array, whole: Uint8Array): void {
  const decoded = decodeCleanerCheckpoint(bytes, IDENTITY);
  assert.ok(decoded === null || sameBytes(bytes, whole), "A checkpoint was taken that nobody wrote");
}

function checkName(bytes: Uint8Array): void {
  const name = new TextDecoder().decode(bytes);
  const parsed = parseSegmentFileName(name);
  if (parsed !== null) assert.equal(segmentFileName(parsed.baseOffset, parsed.kind), name);
}

/** The first byte chooses the format. */
export const logFiles: FuzzTarget = {
  name: "log_files",
  weight: 190,
  inputsPerSubject: 1_000_000,
  open: async () => {
    const [offsets, times] = indexBytes();
    const point = { segmentBaseOffset: 5, position: 900, endOffset: 17, logStartOffset: 3, clean: true };
    const slot = encodeSlot(point, 7, 1, IDENTITY);
    const epochs = encodeLeaderEpochs([{ epoch: 1, startOffset: 0 }, { epoch: 4, startOffset: 20 }]);
    const name = new TextEncoder().encode("00000000000000000042.timeindex");
    const batch = { firstSequence: 4, lastSequence: 6, baseOffset: BASE, lastOffset: BASE + 2, timestamp: 5 };
    const snapshot = encodeProducerSnapshot([{ producerId: 3n, epoch: 1, batches: [batch] }]);
    const cleaned = { baseOffset: 0, endOffset: 42, sizeBytes: 900, batches: 7, checksum: 4_000_000_000 };
    const segments = [cleaned, { ...cleaned, baseOffset: 42, endOffset: 90 }];
    const checkpoint = encodeCleanerCheckpoint({ cleanOffset: 90, segments }, 5, IDENTITY);
    const formats: readonly (readonly [Uint8Array, (bytes: Uint8Array) => void])[] = [
      [offsets, checkOffsetIndex],
      [times, checkTimeIndex],
      [slot, (bytes) => checkSlot(bytes, slot)],
      [epochs, checkEpochs],
      [name, checkName],
      [snapshot, (bytes) => checkSnapshot(bytes, snapshot)],
      [checkpoint, (bytes) => checkCheckpoint(bytes, checkpoint)],
    ];
    return {
      make(random) {
        const which = random.below(formats.length);
        const mutated = mutate(random, formats[which]![0]);
        const input = new Uint8Array(1 + mutated.length);
        input[0] = which;
        input.set(mutated, 1);
        return input;
      },
      check: (input) => formats[(input[0] ?? 0) % formats.length]![1](input.subarray(1)),
    };
  },
};

/** `meta.properties` and `partition.metadata`. The first byte chooses. */
export const directoryFiles: FuzzTarget = {
  name: "directory_files",
  weight: 20,
  inputsPerSubject: 500,
  async open() {
    const disk = new FaultyDisk();
    const chance = new SeededRandom(7);
    const random = { fill: (into: Uint8Array) => into.set(chance.bytes(into.length)), uint32: () => chance.uint32() };
    const made = await openDataDirectory(disk, random, "/data", 1);
    await storeIdentity(disk, "/data", made);
    await made.lock.release();
    await disk.makeDirectory("/a");
    await storePartitionMetadata(disk, "/a", "AAAAAAAAAAAAAAAAAAAAAQ");
    const paths = ["/data/meta.properties", "/a/partition.metadata"] as const;
    const wholes = paths.map((path) => disk.bytesOf(path).slice());
    return {
      make(inner) {
        const which = inner.below(2);
        return Uint8Array.from([which, ...mutate(inner, wholes[which]!)]);
      },
      async check(input) {
        const which = (input[0] ?? 0) % 2;
        disk.put(paths[which]!, input.slice(1));
        if (which === 1) {
          const topicId = await loadPartitionMetadata(disk, "/a");
          assert.ok(topicId === null || topicId.length === 22);
          return;
        }
        const opened = openDataDirectory(disk, random, "/data", 1).then((directory) => directory.lock.release());
        await refusalsAllowed(opened, ["storage_error"]);
      },
    };
  },
};
