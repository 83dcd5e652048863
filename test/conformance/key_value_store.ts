/** What every `KeyValueStore` must do. A store's test gives a maker of empty stores. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SentinelError } from "../../src/base/errors.ts";
import type { ErrorCode } from "../../src/base/errors.ts";
import { LIMITS } from "../../src/base/limits.ts";
import type { KeyValueStore } from "../../src/storage/key_value_store.ts";
import { WriteBatch } from "../../src/storage/write_batch.ts";
import { SeededRandom } from "../seeded_random.ts";
import { bytesOf, pairsOf, putText, valueOf } from "../storage/tree_fixture.ts";

export interface StoreUnderTest extends AsyncDisposable {
  readonly store: KeyValueStore;
  /** Moves what is in memory to wherever the store keeps it for good; nothing for a store without such a place. */
  settle(): Promise<void>;
}

async function rejectsWith(code: ErrorCode, work: () => unknown): Promise<void> {
  await assert.rejects(async () => await work(), (thrown) => {
    assert.ok(thrown instanceof SentinelError, `wanted ${code}, got ${thrown}`);
    assert.equal(thrown.code, code, thrown.message);
    return true;
  });
}

export function describeKeyValueStore(name: string, open: () => Promise<StoreUnderTest>): void {
  const scenario = (title: string, run: (store: KeyValueStore, made: StoreUnderTest) => Promise<void>): void => {
    test(`${name}: ${title}`, async () => {
      await using made = await open();
      await run(made.store, made);
    });
  };

  scenario("get() finds what was put last, and nothing that was deleted", async (store, made) => {
    await putText(store, "a", "1");
    await putText(store, "b", "2");
    await putText(store, "a", "3");
    await store.delete(bytesOf("b"));
    await store.delete(bytesOf("never"));
    for (let time = 0; time < 2; time++) {
      assert.equal(await valueOf(store, "a"), "3");
      assert.equal(await valueOf(store, "b"), null);
      assert.equal(await valueOf(store, "never"), null);
      assert.equal(await valueOf(store, "c"), null);
      await made.settle();
    }
    await putText(store, "b", "4");
    assert.equal(await valueOf(store, "b"), "4");
  });

  scenario("a value may be empty, and is not nothing", async (store, made) => {
    await store.put(bytesOf("k"), new Uint8Array(0));
    assert.deepEqual(await store.get(bytesOf("k")), new Uint8Array(0));
    await made.settle();
    assert.deepEqual(await store.get(bytesOf("k")), new Uint8Array(0));
    assert.deepEqual(await pairsOf(store), ["k="]);
  });

  scenario("bytes that are given may change afterwards, and so may those that are returned", async (store, made) => {
    const key = bytesOf("key");
    const value = bytesOf("value");
    await store.put(key, value);
    key.fill(0);
    value.fill(0);
    for (let time = 0; time < 2; time++) {
      const found = await store.get(bytesOf("key"));
      found!.fill(0);
      assert.equal(await valueOf(store, "key"), "value");
      const scan = store.scan();
      const pair = (await scan.next())!;
      pair.key.fill(0);
      pair.value.fill(0);
      assert.equal(await scan.next(), null);
      assert.deepEqual(await pairsOf(store), ["key=value"]);
      await made.settle();
    }
    assert.equal(await valueOf(store, "key"), "value");
  });

  scenario("scan() goes in the order of unsigned bytes, both ways, within its bounds", async (store, made) => {
    const keys = [
      [0],
      [0, 0],
      [0, 0, 0, 0, 0],
      [0, 0, 0, 1],
      [0, 1],
      [1],
      [1, 2, 3, 4],
      [1, 2, 3, 4, 0],
      [127],
      [128],
      [
        255,
      ],
      [255, 255],
    ].map((bytes) => Uint8Array.from(bytes));
    const shuffled = keys.map((_, at) => keys[(at * 5) % keys.length]!);
    for (const key of shuffled) await store.put(key, key);
    for (let time = 0; time < 2; time++) {
      for (let from = -1; from < keys.length; from++) {
        for (let to = Math.max(0, from); to <= keys.length; to++) {
          const range = {
            ...(from < 0 ? {} : { from: keys[from]! }),
            ...(to === keys.length ? {} : { to: keys[to]! }),
          };
          const expected = keys.slice(Math.max(0, from), to).map((key) => key.join());
          for (const reverse of [false, true]) {
            const scan = store.scan({ ...range, reverse });
            const found: string[] = [];
            for (let pair = await scan.next(); pair !== null; pair = await scan.next()) {
              assert.deepEqual(pair.value, pair.key);
              found.push(pair.key.join());
            }
            assert.deepEqual(found, reverse ? expected.slice().reverse() : expected, `${from}–${to} ${reverse}`);
          }
        }
      }
      await made.settle();
    }
  });

  scenario("scan() with bounds that are no keys, or the wrong way round", async (store) => {
    for (const key of ["b", "d", "f"]) await putText(store, key, key);
    assert.deepEqual(await pairsOf(store, { from: bytesOf("a"), to: bytesOf("e") }), ["b=b", "d=d"]);
    assert.deepEqual(await pairsOf(store, { from: bytesOf("c"), to: bytesOf("z"), reverse: true }), ["f=f", "d=d"]);
    assert.deepEqual(await pairsOf(store, { from: bytesOf("e"), to: bytesOf("b") }), []);
    assert.deepEqual(await pairsOf(store, { from: bytesOf("e"), to: bytesOf("b"), reverse: true }), []);
    assert.deepEqual(await pairsOf(store, { from: bytesOf("b"), to: bytesOf("b") }), []);
  });

  scenario("write() does all of a batch, in its order", async (store) => {
    await putText(store, "a", "0");
    const batch = new WriteBatch().put(bytesOf("a"), bytesOf("1")).put(bytesOf("b"), bytesOf("2"))
      .delete(bytesOf("a")).put(bytesOf("c"), bytesOf("3")).put(bytesOf("c"), bytesOf("4"));
    await store.write(batch);
    batch.clear();
    assert.deepEqual(await pairsOf(store), ["b=2", "c=4"]);
    await store.write(batch);
    await store.write(batch.delete(bytesOf("b")));
    assert.deepEqual(await pairsOf(store), ["c=4"]);
  });

  scenario("snapshot() sees its moment for get() and scan(), until it is released", async (store, made) => {
    await putText(store, "a", "1");
    await putText(store, "b", "1");
    const first = store.snapshot();
    await putText(store, "a", "2");
    await store.delete(bytesOf("b"));
    const second = store.snapshot();
    await putText(store, "a", "3");
    await putText(store, "b", "3");
    await putText(store, "c", "3");
    for (let time = 0; time < 3; time++) {
      assert.deepEqual(await pairsOf(store, { snapshot: first }), ["a=1", "b=1"]);
      assert.deepEqual(await pairsOf(store, { snapshot: second, reverse: true }), ["a=2"]);
      assert.deepEqual(await pairsOf(store), ["a=3", "b=3", "c=3"]);
      assert.equal(new TextDecoder().decode((await store.get(bytesOf("b"), first))!), "1");
      assert.equal(await store.get(bytesOf("b"), second), null);
      assert.equal(await store.get(bytesOf("c"), second), null);
      await made.settle();
    }
    assert.equal(store.stats().snapshots, 2);
    first.release();
    first.release();
    assert.equal(store.stats().snapshots, 1);
    assert.deepEqual(await pairsOf(store, { snapshot: second }), ["a=2"]);
    second.release();
    await made.settle();
    assert.deepEqual(await pairsOf(store), ["a=3", "b=3", "c=3"]);
  });

  scenario("a scan that is open sees its moment, and writers go on", async (store, made) => {
    for (let number = 0; number < 50; number++) await putText(store, `k${String(number).padStart(2, "0")}`, "old");
    const scan = store.scan();
    const found: string[] = [];
    for (let number = 0; number < 50; number++) {
      const pair = await scan.next();
      found.push(new TextDecoder().decode(pair!.value));
      await putText(store, `k${String(number + 1).padStart(2, "0")}`, "new");
      await store.delete(bytesOf(`k${String(49 - number).padStart(2, "0")}`));
      if (number === 20) await made.settle();
    }
    assert.deepEqual(found, Array.from({ length: 50 }, () => "old"));
    assert.equal(await scan.next(), null);
    assert.equal(await scan.next(), null);
    assert.equal(store.stats().snapshots, 0);
  });

  scenario(
    "discardRange() leaves everything outside, and nothing inside once the range is deleted",
    async (store, made) => {
      for (let at = 0; at < 60; at++) await putText(store, `${"abc"[at % 3]}${at}`, "v".repeat(50));
      await store.deleteRange({ from: bytesOf("b1"), to: bytesOf("b2") });
      const expected = (await pairsOf(store)).filter((pair) => !pair.startsWith("b"));
      const range = { from: bytesOf("b"), to: bytesOf("c") };
      await store.discardRange(range);
      assert.deepEqual((await pairsOf(store)).filter((pair) => !pair.startsWith("b")), expected);
      await store.deleteRange(range);
      assert.deepEqual(await pairsOf(store), expected);
      await putText(store, "b", "again");
      assert.equal(await valueOf(store, "b"), "again");
      await made.settle();
      assert.equal(await valueOf(store, "b"), "again");
    },
  );

  scenario("deleteRange() removes a range and nothing else", async (store, made) => {
    for (const key of "abcdef") await putText(store, key, key);
    await made.settle();
    await putText(store, "cc", "new");
    assert.equal(await store.deleteRange({ from: bytesOf("b"), to: bytesOf("d") }), 3);
    assert.deepEqual(await pairsOf(store), ["a=a", "d=d", "e=e", "f=f"]);
    assert.equal(await store.deleteRange({ from: bytesOf("b"), to: bytesOf("d") }), 0);
    assert.equal(await store.deleteRange({ to: bytesOf("b") }), 1);
    await made.settle();
    assert.deepEqual(await pairsOf(store), ["d=d", "e=e", "f=f"]);
    assert.equal(await store.deleteRange({}), 3);
    assert.deepEqual(await pairsOf(store), []);
  });

  scenario("keys and values beyond their limits are refused and change nothing", async (store) => {
    const key = bytesOf("k");
    await rejectsWith("invalid_parameter", () => store.put(new Uint8Array(0), key));
    await rejectsWith("invalid_parameter", () => store.delete(new Uint8Array(0)));
    await rejectsWith("too_large", () => store.put(new Uint8Array(LIMITS.storeKeyBytesMax + 1), key));
    await rejectsWith("too_large", () => store.put(key, new Uint8Array(LIMITS.storeValueBytesMax + 1)));
    await rejectsWith("too_large", () => new WriteBatch().put(key, new Uint8Array(LIMITS.storeValueBytesMax + 1)));
    assert.deepEqual(await pairsOf(store), []);
    const long = new Uint8Array(LIMITS.storeKeyBytesMax).fill(7);
    await store.put(long, long);
    assert.deepEqual(await store.get(long), long);
  });

  scenario("values of all sizes come back whole", async (store, made) => {
    const random = new SeededRandom(5);
    const sizes = [0, 1, 47, 48, 49, 4_000, 4_095, 4_096, 4_097, 8_170, 8_192, 65_536, 300_000];
    const values = sizes.map((size) => random.bytes(size));
    for (const [at, value] of values.entries()) await store.put(bytesOf(`v${at}`), value);
    for (let time = 0; time < 2; time++) {
      for (const [at, value] of values.entries()) {
        const found = await store.get(bytesOf(`v${at}`));
        assert.ok(found !== null && Buffer.compare(found, value) === 0, `${sizes[at]} bytes`);
      }
      await made.settle();
    }
  });

  scenario("close() can be called twice; then reads and writes fail", async (store) => {
    await putText(store, "a", "1");
    const scan = store.scan();
    await Promise.all([store.close(), store.close()]);
    await store.close();
    const key = bytesOf("a");
    for (
      const work of [
        () => store.put(key, key),
        () => store.delete(key),
        () => store.get(key),
        () => store.write(new WriteBatch().delete(key)),
        () => store.deleteRange({}),
        () => store.scan(),
        () => store.snapshot(),
        () => store.sync(),
        () => scan.next(),
      ]
    ) await rejectsWith("storage_error", work);
    scan.close();
  });
}
