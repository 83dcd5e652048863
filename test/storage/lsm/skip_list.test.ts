import assert from "node:assert/strict";
import { test } from "node:test";
import { LiveSnapshots } from "../../../src/storage/lsm/live_snapshots.ts";
import { SkipList } from "../../../src/storage/lsm/skip_list.ts";
import { SkipListCursor } from "../../../src/storage/lsm/skip_list_cursor.ts";
import { XorShift } from "../../../src/storage/lsm/xor_shift.ts";
import { compareBytes } from "../../../src/bytes/compare_bytes.ts";
import { SeededRandom } from "../../seeded_random.ts";
import { bytesOf, textOfBytes } from "../tree_fixture.ts";

test("XorShift has the seed's states, levels and distribution", () => {
  const steps = new XorShift();
  const states = [0, 0, 0].map(() => {
    steps.step();
    return steps.state;
  });
  assert.deepEqual(states, [1_082_269_761n, 1_152_992_998_833_853_505n, 11_177_516_664_432_764_457n]);
  const levels = new XorShift();
  const first = Array.from({ length: 16 }, () => levels.level());
  assert.deepEqual(first, [3, 0, 1, 0, 3, 0, 0, 0, 0, 1, 1, 0, 1, 0, 0, 0]);
  const draws = new XorShift();
  const counts = new Array<number>(16).fill(0);
  for (let draw = 0; draw < 100_000; draw++) counts[draws.level()]! += 1;
  assert.deepEqual(counts, [75_141, 18_557, 4_737, 1_152, 307, 76, 22, 5, 2, 1, 0, 0, 0, 0, 0, 0]);
});

test("XorShift agrees with 64-bit arithmetic", () => {
  const random = new XorShift(0x1234_5678, 0x0fed_cba9);
  let state = 0x0fed_cba9_1234_5678n;
  for (let step = 0; step < 1_000; step++) {
    random.step();
    state ^= BigInt.asUintN(64, state << 13n);
    state ^= state >> 7n;
    state ^= BigInt.asUintN(64, state << 17n);
    assert.equal(random.state, state);
  }
});

test("put() and delete() return the seed's changes of the accounted size", () => {
  const list = new SkipList(1_024);
  assert.equal(list.put(bytesOf("ab"), bytesOf("xyz"), 1, 1), 22);
  assert.equal(list.put(bytesOf("ab"), bytesOf("x"), 2, 2), -2);
  assert.equal(list.delete(bytesOf("ab"), 3, 3), -1);
  assert.equal(list.delete(bytesOf("zz"), 4, 4), 19);
  assert.equal(list.accountedBytes, 38);
  assert.equal(list.count, 2);
});

test("get() tells a deletion's timestamp, and null for what never was", () => {
  const list = new SkipList(1_024);
  list.put(bytesOf("a"), bytesOf("1"), 1_700_000_000_123_456, 1);
  assert.deepEqual(list.get(bytesOf("a")), { value: bytesOf("1"), timestamp: 1_700_000_000_123_456 });
  list.delete(bytesOf("a"), 7, 2);
  assert.deepEqual(list.get(bytesOf("a")), { value: null, timestamp: 7 });
  assert.equal(list.get(bytesOf("b")), null);
});

test("an entry takes at most 40 bytes beside its key and value", () => {
  const list = new SkipList(1_024);
  const empty = list.arenaBytes;
  const count = 100_000;
  for (let number = 0; number < count; number++) {
    const digits = String(number).padStart(10, "0");
    list.put(bytesOf(`key${digits}`), bytesOf(`value${digits}`), number, number + 1);
  }
  const overhead = (list.arenaBytes - empty) / count - 28;
  assert.ok(overhead <= 40, `${overhead} bytes an entry`);
  assert.equal(list.count, count);
});

test("a cursor starts before the first entry, seeks and goes both ways", () => {
  const list = new SkipList(1_024);
  const cursor = new SkipListCursor(list);
  assert.equal(cursor.key, null);
  for (const [sequence, key] of ["c", "a", "b"].entries()) list.put(bytesOf(key), bytesOf(key), 1, sequence + 1);
  const found: (string | null)[] = [];
  for (cursor.seekUp(null); cursor.key !== null; cursor.up()) found.push(textOfBytes(cursor.key));
  for (cursor.seekDown(null); cursor.key !== null; cursor.down()) found.push(textOfBytes(cursor.key));
  assert.deepEqual(found, ["a", "b", "c", "c", "b", "a"]);
  const seek = (key: string): string | null => {
    cursor.seekUp(bytesOf(key));
    return textOfBytes(cursor.key);
  };
  assert.deepEqual(["", "a", "aa", "c", "d"].map(seek), ["a", "a", "b", "c", null]);
});

test("a skip list is a sorted map with versions, whatever is done to it", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new SeededRandom(seed);
    const snapshots = new LiveSnapshots();
    const list = new SkipList(64, 5, snapshots);
    const model = new Map<string, { key: Uint8Array; value: Uint8Array | null }>();
    const kept: { release: () => void; sequence: number; model: typeof model }[] = [];
    let sequence = 5;
    for (let step = 0; step < 400; step++) {
      const key = Uint8Array.from({ length: random.below(7) }, () => random.pick([0, 1, 127, 128, 255]));
      sequence += 1 + random.below(3);
      if (random.below(4) === 0) {
        list.delete(key, step, sequence);
        model.set(key.join(), { key, value: null });
      } else {
        const value = random.bytes(random.below(90));
        list.put(key, value, step, sequence);
        model.set(key.join(), { key, value });
      }
      if (random.below(20) === 0) kept.push({ ...snapshots.take(sequence), model: new Map(model) });
      if (random.below(30) === 0) kept.splice(random.below(kept.length + 1), 1)[0]?.release();
    }
    for (const moment of [...kept, { sequence, model }]) {
      const sorted = [...moment.model.values()].sort((left, right) => compareBytes(left.key, right.key));
      let node = list.first();
      for (const { key, value } of sorted) {
        while (node !== 0 && list.versionAt(node, moment.sequence) === 0) node = list.next(node);
        assert.deepEqual(list.keyOf(node), key);
        assert.deepEqual(list.valueOf(list.versionAt(node, moment.sequence)), value);
        const version = list.find(key, moment.sequence);
        assert.deepEqual(list.valueOf(version), value);
        node = list.next(node);
      }
    }
  }
});

test("a version that no snapshot sees is dropped at once, and one that is seen is kept", () => {
  const snapshots = new LiveSnapshots();
  const list = new SkipList(1_024, 0, snapshots);
  const key = bytesOf("k");
  const versions = (): number => {
    let count = 0;
    for (let version = list.find(key, Infinity); version !== 0; version = list.olderThan(version)) count += 1;
    return count;
  };
  list.put(key, key, 1, 1);
  list.put(key, key, 1, 2);
  assert.equal(versions(), 1);
  const snapshot = snapshots.take(2);
  list.put(key, key, 1, 3);
  list.put(key, key, 1, 4);
  assert.equal(versions(), 2);
  assert.equal(list.sequenceOf(list.find(key, snapshot.sequence)), 2);
  snapshot.release();
  list.put(key, key, 1, 5);
  assert.equal(list.sequenceOf(list.find(key, Infinity)), 5);
});

test("LiveSnapshots knows what is seen", () => {
  const snapshots = new LiveSnapshots();
  assert.equal(snapshots.oldest(9), 9);
  const taken = [3, 3, 7].map((sequence) => snapshots.take(sequence));
  assert.deepEqual([1, 2, 3, 4, 7, 8].map((from) => snapshots.isSeenBetween(from, 7)), [
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
  assert.ok(snapshots.isSeenBetween(7, 8) && !snapshots.isSeenBetween(1, 3));
  const again = snapshots.retake(taken[0]!);
  taken[0]!.release();
  taken[0]!.release();
  taken[1]!.release();
  assert.equal(snapshots.oldest(9), 3);
  again.release();
  assert.equal(snapshots.oldest(9), 7);
  assert.throws(() => snapshots.take(6), /never older/);
  assert.throws(() => snapshots.retake(taken[0]!), /released/);
});
