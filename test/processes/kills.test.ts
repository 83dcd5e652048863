/** `kill -9` under load: what was acknowledged is there, what was refused is not (facts T1, T2, Y15; design D3). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { makeTemporaryDirectory } from "../adapters/temporary_directory.ts";
import { SeededRandom } from "../seeded_random.ts";
import { BrokerProcess, startBroker } from "./broker_process.ts";
import { compareTopics, Ledger } from "./ledger.ts";
import { LOAD_TOPICS, makeLoadTopics, startLoad } from "./load.ts";
import { isFullSize } from "./sentinel_command.ts";

const KILLS = isFullSize ? 10 : 3;
/** Records between two kills: enough for several rolls of the small segments in the full size. */
const RECORDS_BETWEEN = isFullSize ? 4_000 : 600;

test(`kill -9 under load, ${KILLS} times: every acknowledged record survives, nothing refused appears`, async () => {
  await using directory = await makeTemporaryDirectory();
  const random = new SeededRandom(8);
  const ledger = new Ledger();
  for (let kill = 0; kill < KILLS; kill++) {
    await using broker = await startBroker({ dataPath: directory.path });
    if (kill === 0) await makeLoadTopics(broker);
    else await compareTopics(broker, ledger, LOAD_TOPICS);
    const load = startLoad(broker, ledger, kill);
    await load.acknowledged(RECORDS_BETWEEN + random.below(RECORDS_BETWEEN));
    await broker.kill();
    await load.ended;
  }
  assert.ok(ledger.refusedCount > 0, "no request was refused, so nothing was proved about them");
  await using broker = await startBroker({ dataPath: directory.path });
  await compareTopics(broker, ledger, LOAD_TOPICS);
});

test("kill -9 during the start, again and again, loses nothing", async () => {
  await using directory = await makeTemporaryDirectory();
  const random = new SeededRandom(9);
  const ledger = new Ledger();
  {
    await using broker = await startBroker({ dataPath: directory.path });
    await makeLoadTopics(broker);
    const load = startLoad(broker, ledger, 0);
    await load.acknowledged(RECORDS_BETWEEN);
    await broker.kill();
    await load.ended;
  }
  for (let kill = 0; kill < KILLS; kill++) {
    const starting = new BrokerProcess({ dataPath: directory.path });
    // Somewhere between the start of the runtime and the end of the recovery.
    await pause(20 + random.below(100));
    await starting.kill();
  }
  await using broker = await startBroker({ dataPath: directory.path });
  await compareTopics(broker, ledger, LOAD_TOPICS);
});
