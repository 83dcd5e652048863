/** The ledger finds each kind of disagreement: else the tests that rest on it prove nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { currentPlatform } from "../adapters/current.ts";
import { connectNative } from "../../src/client/native_client.ts";
import { startTestBroker } from "../../src/server/test_broker.ts";
import { addressOf } from "./broker_process.ts";
import { Ledger } from "./ledger.ts";

const STORED = ["a", "b", "c"];

/** A ledger that agrees with what is stored. */
function agreeing(): Ledger {
  const ledger = new Ledger();
  ledger.sending([...STORED, "d"]);
  STORED.forEach((value, offset) => ledger.acknowledged("t", 0, offset, value));
  return ledger;
}

test("compare() agrees with a true ledger, and finds what is lost, changed, reordered, refused, foreign or there twice", async () => {
  const platform = currentPlatform({ memory: true });
  await using broker = await startTestBroker(platform, { memory: true });
  const client = await connectNative(platform.network, platform.clock, addressOf(broker.kafka));
  const store = (topic: string, values: readonly string[]) =>
    client.produce(
      { topic, partition: 0 },
      values.map((value) => ({ key: null, value: new TextEncoder().encode(value), headers: [] })),
    );
  await store("t", STORED);
  assert.equal(await agreeing().compare(client, "t"), 3);

  const lost = agreeing();
  lost.acknowledged("t", 0, 3, "d");
  await assert.rejects(
    lost.compare(client, "t"),
    /^AssertionError.*: lost: .* offset 3: acknowledged was d .* there is nothing/,
  );
  const refused = agreeing();
  refused.refused(["b"]);
  await assert.rejects(refused.compare(client, "t"), /refused: .*a record that was refused: b/);
  const changed = new Ledger();
  changed.sending([...STORED, "x"]);
  changed.acknowledged("t", 0, 1, "x");
  await assert.rejects(changed.compare(client, "t"), /changed: .* offset 1: acknowledged was x .* there is b/);
  await assert.rejects(new Ledger().compare(client, "t"), /phantom: .*a record that nobody sent: a/);
  const moved = new Ledger();
  moved.sending(STORED);
  moved.acknowledged("t", 0, 0, "b");
  await assert.rejects(moved.compare(client, "t"), /reordered: .* offset 0: acknowledged was b .* there is a/);
  // Nothing was acknowledged, as with a request that a kill cut off: its own order must hold all the same.
  const turned = new Ledger();
  turned.sending(["c", "b", "a"]);
  await assert.rejects(turned.compare(client, "t"), /reordered: t-0 has b .* behind what was sent after it/);
  await store("t", ["a"]);
  await assert.rejects(agreeing().compare(client, "t"), /duplicate: .*has twice: a/);
  assert.throws(() => agreeing().acknowledged("t", 0, 1, "d"), /acknowledged twice/);
  client.close();
});
