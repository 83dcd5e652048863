import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryStore } from "../../../src/storage/lsm/memory_store.ts";
import { describeKeyValueStore } from "../../conformance/key_value_store.ts";
import { bytesOf } from "../tree_fixture.ts";

describeKeyValueStore("MemoryStore", async () => {
  const store = new MemoryStore(() => 1_000);
  return { store, settle: async () => {}, [Symbol.asyncDispose]: () => store.close() };
});

test("MemoryStore answers at once, and gives back the room of what was replaced or deleted", () => {
  const store = new MemoryStore(() => 1_000);
  const value = new Uint8Array(1_000);
  store.put(bytesOf("kept"), bytesOf("value"));
  const snapshot = store.snapshot();
  store.put(bytesOf("kept"), bytesOf("newer"));
  for (let number = 0; number < 5_000; number++) {
    store.put(bytesOf(`k${number % 10}`), value);
    store.delete(bytesOf(`d${number}`));
  }
  assert.ok(store.stats().memtableEntries < 3_000, `${store.stats().memtableEntries} entries are held`);
  assert.deepEqual(store.get(bytesOf("kept"), snapshot), bytesOf("value"));
  assert.deepEqual(store.get(bytesOf("kept")), bytesOf("newer"));
  assert.deepEqual(store.get(bytesOf("k3")), value);
  assert.equal(store.get(bytesOf("d7")), null);
});
