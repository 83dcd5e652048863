/** An index of keys follows its log, never says more than it, and never less than was committed when it was asked. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeCompression } from "../../../adapters/node/compression.ts";
import { SentinelError } from "../../../src/base/errors.ts";
import { LIMITS } from "../../../src/base/limits.ts";
import { indexedKey } from "../../../src/broker/key_index/indexed_key.ts";
import { decodeKeyIndexState, encodeKeyIndexState } from "../../../src/broker/key_index/key_index_state.ts";
import { buildRecordBatch } from "../../../src/records/build_batch.ts";
import { compressBatch } from "../../../src/records/compressed_batch.ts";
import { ManualClock } from "../../manual_clock.ts";
import { SeededRandom } from "../../seeded_random.ts";
import { YieldingClock } from "../../storage/log/cleaning_fixture.ts";
import { indexOver, type IndexUnderTest, KEYS, memoryStore } from "./index_fixture.ts";
import { bytes, record, TableReplica } from "./table_replica.ts";

const CLOSED = new SentinelError("shutting_down", "The test is over");

const isCode = (code: string) => (thrown: unknown) => {
  assert.ok(thrown instanceof SentinelError, String(thrown));
  assert.equal(thrown.code, code, thrown.message);
  return true;
};

function started(replica: TableReplica, store = memoryStore(), clock = new YieldingClock()): IndexUnderTest {
  const made = indexOver(replica, store, clock);
  made.index.start();
  return made;
}

/** All that macrotasks and microtasks under way come to. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

test("the newest record of a key is found, a deleted key is not, and one without a key counts for nothing", async () => {
  const replica = new TableReplica();
  replica.put([record("a", "1"), record("b", "1"), record(null, "x")]);
  replica.put([record("a", "2"), record("c", "1")]);
  const { find, offsetOf, index } = started(replica);
  assert.deepEqual([await offsetOf("a"), await offsetOf("b"), await offsetOf("c")], [3, 1, 4]);
  assert.equal((await find("a")).record!.value!.length, 1);
  assert.deepEqual(await find("nobody"), { record: null, highWatermark: 5 });
  replica.put([record("b", null)]);
  assert.deepEqual(await find("b"), { record: null, highWatermark: 6 });
  replica.put([record("b", "again")]);
  assert.equal(await offsetOf("b"), 6);
  assert.equal(index.appliedOffset, 7);
  await index.close(CLOSED);
});

test("a lookup waits for what was committed when it began, and sees nothing that is not", async () => {
  const replica = new TableReplica();
  replica.put([record("a", "1")]);
  const { offsetOf, index } = started(replica);
  assert.equal(await offsetOf("a"), 0);
  replica.put([record("a", "2")], { isCommitted: false });
  assert.equal(await offsetOf("a"), 0);
  replica.commit();
  assert.equal(await offsetOf("a"), 1);
  await index.close(CLOSED);
});

test("a lookup that waits too long fails with how far the index has come", async () => {
  const clock = new ManualClock();
  const replica = new TableReplica();
  replica.put([record("a", "1")]);
  let goOn = (): void => {};
  replica.beforeRead = () => new Promise<void>((resolve) => goOn = resolve);
  const { find, index } = indexOver(replica, memoryStore(), clock);
  index.start();
  const late = find("a", 50);
  const patient = find("a", 5_000);
  await settled();
  clock.advance(50);
  await assert.rejects(late, (thrown) => {
    isCode("key_index_behind")(thrown);
    assert.deepEqual((thrown as SentinelError).facts, { partition: 0, appliedOffset: 0, highWatermark: 1 });
    return true;
  });
  await assert.rejects(find("a", 0), isCode("key_index_behind"));
  replica.beforeRead = null;
  goOn();
  assert.equal((await patient).record!.offset, 0);
  assert.equal((await find("a", 0)).record!.offset, 0);
  assert.equal(clock.pending, 0);
  await index.close(CLOSED);
});

test("an index goes on where it stopped, and reads nothing twice", async () => {
  const replica = new TableReplica();
  const store = memoryStore();
  for (let at = 0; at < 20; at += 1) replica.put([record(`k${at}`, "1")]);
  const first = started(replica, store);
  assert.equal(await first.offsetOf("k7"), 7);
  await first.index.close(CLOSED);
  replica.put([record("k7", "2")]);
  replica.reads = 0;
  const second = started(replica, store);
  assert.deepEqual([await second.offsetOf("k7"), await second.offsetOf("k3")], [20, 3]);
  // One look at the last batch, one step, two records.
  assert.equal(replica.reads, 4);
  assert.equal(second.counters.keyIndexRebuilds, 0);
  await second.index.close(CLOSED);
});

test("a log that lost its end has an index of its own again", async () => {
  const replica = new TableReplica();
  const store = memoryStore();
  replica.put([record("a", "1")]);
  replica.put([record("a", "2"), record("b", "1")]);
  const first = started(replica, store);
  assert.equal(await first.offsetOf("a"), 1);
  await first.index.close(CLOSED);
  replica.cut(1);
  const second = started(replica, store);
  assert.deepEqual([await second.offsetOf("a"), await second.offsetOf("b")], [0, null]);
  assert.equal(second.counters.keyIndexRebuilds, 1);
  await second.index.close(CLOSED);
});

test("a log that lost its end and grew again is told from the one before by its last batch", async () => {
  const replica = new TableReplica();
  const store = memoryStore();
  replica.put([record("a", "1")]);
  replica.put([record("b", "1")]);
  const first = started(replica, store);
  assert.equal(await first.offsetOf("b"), 1);
  await first.index.close(CLOSED);
  replica.cut(1);
  replica.put([record("c", "1")]);
  replica.put([record("d", "1")]);
  const second = started(replica, store);
  assert.deepEqual([await second.offsetOf("b"), await second.offsetOf("c")], [null, 1]);
  assert.equal(second.counters.keyIndexRebuilds, 1);
  await second.index.close(CLOSED);
});

test("an index that does not lead to the key's record is built anew", async () => {
  const replica = new TableReplica();
  const store = memoryStore();
  replica.put([record("a", "1"), record("b", "2")]);
  const { index, offsetOf, counters } = started(replica, store);
  assert.equal(await offsetOf("a"), 0);
  // As a defect of the store would have it: a leads to b's record.
  store.put(KEYS.keyIndexEntry(indexedKey(bytes("a"))), Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1));
  assert.equal(await offsetOf("a"), 0);
  assert.equal(counters.keyIndexRebuilds, 1);
  await index.close(CLOSED);
});

test("a record that compaction took while it was looked up: the newer one, or none", async () => {
  const replica = new TableReplica();
  replica.put([record("a", "1")]);
  replica.put([record("z", "1")]);
  const { index, find } = started(replica);
  await find("z");
  // Between the index's answer and the read of the record a newer one comes, and the cleaner.
  replica.beforeRead = () => {
    replica.beforeRead = null;
    replica.put([record("a", "2")]);
    replica.compact({ keepsTombstones: false });
  };
  assert.equal((await find("a")).record!.offset, 2);
  replica.beforeRead = () => {
    replica.beforeRead = null;
    replica.put([record("a", null)]);
    replica.put([record("y", "1")]);
    replica.compact({ keepsTombstones: false });
  };
  assert.deepEqual(await find("a"), { record: null, highWatermark: 5 });
  await index.close(CLOSED);
});

test("a tombstone that was compacted away before the index came to it deletes its key all the same", async () => {
  const replica = new TableReplica();
  const store = memoryStore();
  replica.put([record("a", "1")]);
  replica.put([record("z", "1")]);
  const first = started(replica, store);
  assert.equal(await first.offsetOf("a"), 0);
  await first.index.close(CLOSED);
  replica.put([record("a", null)]);
  replica.put([record("y", "1")]);
  replica.compact({ keepsTombstones: false });
  const second = started(replica, store);
  assert.equal(await second.offsetOf("a"), null);
  assert.equal(second.counters.keyIndexRebuilds, 0);
  await second.index.close(CLOSED);
});

test("a key whose record was trimmed is not there", async () => {
  const replica = new TableReplica();
  replica.put([record("a", "1")]);
  replica.put([record("b", "1")]);
  const { index, offsetOf } = started(replica);
  assert.equal(await offsetOf("a"), 0);
  replica.trim(1);
  assert.deepEqual([await offsetOf("a"), await offsetOf("b")], [null, 1]);
  replica.trim(2);
  assert.deepEqual([await offsetOf("a"), await offsetOf("b")], [null, null]);
  await index.close(CLOSED);
});

test("an index that was behind a trim goes on at the log start, also when nothing is left", async () => {
  const replica = new TableReplica();
  const store = memoryStore();
  replica.put([record("a", "1")]);
  const first = started(replica, store);
  await first.offsetOf("a");
  await first.index.close(CLOSED);
  replica.put([record("b", "1")]);
  replica.put([record("c", "1")]);
  replica.trim(3);
  const second = started(replica, store);
  assert.deepEqual([await second.offsetOf("a"), await second.offsetOf("c")], [null, null]);
  assert.equal(second.index.appliedOffset, 3);
  replica.put([record("a", "2")]);
  assert.equal(await second.offsetOf("a"), 3);
  await second.index.close(CLOSED);
});

test("damage is told to who asks, is tried again later and never in a circle", async () => {
  const clock = new YieldingClock();
  const replica = new TableReplica();
  replica.put([record("a", "1")]);
  replica.damage = new SentinelError("storage_error", "bad checksum at 61");
  const { find, index, failures, counters } = started(replica, memoryStore(), clock);
  await assert.rejects(find("a"), /index of keys of tables-0 cannot go on: bad checksum at 61/);
  const { reads } = replica;
  await settled();
  await assert.rejects(find("a"), isCode("storage_error"));
  assert.deepEqual([replica.reads, failures.length, counters.keyIndexFailures], [reads, 1, 1]);
  clock.advance(LIMITS.keyIndexRetryMs);
  await settled();
  assert.deepEqual([replica.reads, failures.length, counters.keyIndexFailures], [reads + 1, 1, 2]);
  replica.damage = null;
  clock.advance(LIMITS.keyIndexRetryMs);
  await settled();
  assert.equal((await find("a")).record!.offset, 0);
  await index.close(CLOSED);
});

test("a batch that cannot be opened stops the index with its offset", async () => {
  const replica = new TableReplica();
  replica.put([record("a", "1")]);
  const plain = buildRecordBatch([record("b", "1")], { baseOffset: 1, nowMs: 0 });
  const packed = await compressBatch(plain, "gzip", nodeCompression);
  packed.bytes[61]! ^= 0xff;
  replica.putBatch(packed);
  const { find, index } = started(replica);
  await assert.rejects(find("a"), (thrown) => {
    isCode("storage_error")(thrown);
    assert.match((thrown as Error).message, /The batch at offset 1 cannot be read/);
    return true;
  });
  await index.close(CLOSED);
});

test("compressed batches are opened, control batches are passed over", async () => {
  const replica = new TableReplica();
  replica.put([record("a", "1")]);
  const plain = buildRecordBatch([record("a", "2"), record("b", "1")], { baseOffset: 1, nowMs: 0 });
  replica.putBatch(await compressBatch(plain, "zstd", nodeCompression));
  replica.put([{ key: Uint8Array.of(0, 0, 0, 0), value: new Uint8Array(6), headers: [] }], { isControl: true });
  const { find, offsetOf, index } = started(replica);
  assert.deepEqual([await offsetOf("a"), await offsetOf("b")], [1, 2]);
  assert.equal((await find(Uint8Array.of(0, 0, 0, 0))).record, null);
  assert.equal(index.appliedOffset, 4);
  await index.close(CLOSED);
});

test("a key may be empty, and as long as a record may be", async () => {
  const replica = new TableReplica();
  const max = LIMITS.keyIndexKeyBytesMax;
  const keys = [0, 1, max - 1, max, max + 1, 200_000].map((length) => new Uint8Array(length).fill(120));
  const almost = keys.at(-1)!.slice();
  almost[199_999] = 121;
  for (const key of [...keys, almost]) replica.put([{ key, value: bytes(String(key.length)), headers: [] }]);
  const { find, index } = started(replica);
  for (const [at, key] of [...keys, almost].entries()) assert.equal((await find(key)).record!.offset, at);
  assert.equal((await find(new Uint8Array(200_000).fill(122))).record, null);
  assert.ok(indexedKey(keys.at(-1)!).length < LIMITS.storeKeyBytesMax);
  await index.close(CLOSED);
});

test("a step writes a bounded number of keys, and the index stops in the middle of a batch and goes on there", async () => {
  const replica = new TableReplica();
  const count = LIMITS.keyIndexWriteKeysMax + 1;
  replica.put(Array.from({ length: count }, (_, at) => record(`k${at}`, "1")));
  const store = memoryStore();
  const operations: number[] = [];
  const write = store.write.bind(store);
  store.write = (batch) => {
    operations.push(batch.count);
    write(batch);
  };
  const first = started(replica, store);
  assert.equal(await first.offsetOf(`k${count - 1}`), count - 1);
  assert.deepEqual(operations, [1, LIMITS.keyIndexWriteKeysMax + 1, 2]);
  await first.index.close(CLOSED);
  // As after a crash behind the first of the two writes.
  const state = decodeKeyIndexState((await store.get(KEYS.keyIndexState))!)!;
  store.put(KEYS.keyIndexState, encodeKeyIndexState({ ...state, appliedOffset: count - 1 }));
  store.delete(KEYS.keyIndexEntry(indexedKey(bytes(`k${count - 1}`))));
  const second = started(replica, store);
  assert.equal(await second.offsetOf(`k${count - 1}`), count - 1);
  assert.equal(second.counters.keyIndexRebuilds, 0);
  await second.index.close(CLOSED);
});

test("entries of trimmed records are removed when as many keys were written as there are", async () => {
  const replica = new TableReplica();
  const store = memoryStore();
  const { index, offsetOf } = started(replica, store);
  const many = LIMITS.keyIndexSweepKeysMin;
  for (let from = 0; from < many; from += 10_000) {
    replica.put(
      Array.from({ length: 10_000 }, (_, at) => record(`k${from + at}`, null)).map((one, at) =>
        at % 100 === 0 ? { ...one, value: bytes("1") } : one
      ),
    );
  }
  assert.equal(await offsetOf("k100"), 100);
  const entries = async (): Promise<number> => {
    let count = 0;
    const scan = store.scan(KEYS.keyIndexEntries);
    while (await scan.next() !== null) count += 1;
    scan.close();
    return count;
  };
  await settled();
  assert.equal(await entries(), many / 100);
  replica.trim(many - 10_000);
  replica.put([record("last", "1")]);
  assert.equal(await offsetOf("last"), many);
  await settled();
  assert.equal(await entries(), 101);
  assert.deepEqual([await offsetOf("k100"), await offsetOf(`k${many - 100}`)], [null, many - 100]);
  await index.close(CLOSED);
});

test("a large log is read in steps between which others get their turn, and a stop waits for none of them", async () => {
  const clock = new ManualClock();
  const replica = new TableReplica();
  const value = "x".repeat(1_000);
  for (let at = 0; at < 2_000; at += 1) replica.put([record(`k${at}`, value)]);
  const { find, index } = indexOver(replica, memoryStore(), clock);
  index.start();
  await settled();
  // Time stands still, and the first step has read its slice.
  const { appliedOffset } = index;
  assert.ok(appliedOffset > 0 && appliedOffset < 700, String(appliedOffset));
  clock.advance(1);
  await settled();
  assert.ok(index.appliedOffset > appliedOffset && index.appliedOffset < 1_400);
  const lookup = assert.rejects(find("k0"), isCode("shutting_down"));
  await index.close(CLOSED);
  await lookup;
  assert.equal(clock.pending, 0);
});

test("nothing is left of a closed index, and its lookups fail with the reason", async () => {
  const clock = new ManualClock();
  const replica = new TableReplica();
  replica.put([record("a", "1")]);
  replica.beforeRead = () => new Promise<void>((resolve) => setImmediate(resolve));
  const { find, index } = indexOver(replica, memoryStore(), clock);
  index.start();
  const lookup = assert.rejects(find("a"), isCode("shutting_down"));
  await index.close(CLOSED);
  await lookup;
  await assert.rejects(find("a"), isCode("shutting_down"));
  assert.deepEqual([replica.onAdvance.size, clock.pending], [0, 0]);
});

test("the state says what it was told, and anything else is none", () => {
  for (const lastBatch of [null, { baseOffset: 0, crc: 0 }, { baseOffset: 2 ** 40, crc: 0xffff_ffff }]) {
    const state = { appliedOffset: 2 ** 53 - 1, lastBatch };
    assert.deepEqual(decodeKeyIndexState(encodeKeyIndexState(state)), state);
  }
  const random = new SeededRandom(7);
  const good = encodeKeyIndexState({ appliedOffset: 5, lastBatch: { baseOffset: 4, crc: 9 } });
  for (let round = 0; round < 2_000; round += 1) {
    const decoded = decodeKeyIndexState(random.mutate(good));
    if (decoded !== null) assert.ok(decoded.appliedOffset >= 0 && (decoded.lastBatch?.baseOffset ?? 0) >= 0);
  }
  assert.equal(decodeKeyIndexState(new Uint8Array(0)), null);
  assert.equal(decodeKeyIndexState(Uint8Array.of(2, ...good.subarray(1))), null);
});
