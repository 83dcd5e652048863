/** No more descriptors: what needs one is refused or waits, what has one goes on, and the process lives. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { SentinelError } from "../../src/base/errors.ts";
import { makeTemporaryDirectory } from "../adapters/temporary_directory.ts";
import { addressOf, type BrokerProcess, startBroker } from "../processes/broker_process.ts";
import { compareTopics, Ledger } from "../processes/ledger.ts";
import type { Fault, FaultFigures, FaultRun } from "./fault.ts";
import { Writer } from "./writer.ts";

const DESCRIPTORS = 160;
const TOPICS_MAX = 200;

/** Topics until one is refused; what there is then. */
async function makeTopics(broker: BrokerProcess): Promise<string[]> {
  const client = await broker.connect();
  const topics: string[] = [];
  try {
    while (topics.length < TOPICS_MAX) {
      await client.createTopic(`topic-${topics.length}`, { partitions: 1 });
      topics.push(`topic-${topics.length}`);
    }
    assert.fail("The descriptors never ran out");
  } catch (thrown) {
    if (!(thrown instanceof SentinelError)) throw thrown;
    assert.equal(thrown.code, "storage_error", thrown.message);
  } finally {
    client.close();
  }
  return topics;
}

/** More connections than there are descriptors; those that do not come through are no failure. */
async function openMany(broker: BrokerProcess): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let count = 0; count < DESCRIPTORS; count++) {
    const socket = connect(addressOf(count % 2 === 0 ? broker.binary : broker.http.replace("http://", "")));
    socket.on("error", () => {});
    sockets.push(socket);
    await Promise.race([once(socket, "connect"), once(socket, "close")]);
  }
  return sockets;
}

/** A cycle: topics until no more, writes to all of them, connections until no more, then room again, a stop and a start. */
export const descriptorLimit: Fault = {
  name: "descriptors",
  summary: `${DESCRIPTORS} descriptors: topics and connections beyond them are refused, everything else goes on`,
  cycles: 10,
  async run({ kind, cycles, seed, onProgress }: FaultRun): Promise<FaultFigures> {
    let topicsMade = 0;
    let acknowledged = 0;
    for (let done = 0; done < cycles; done++) {
      await using directory = await makeTemporaryDirectory();
      const ledger = new Ledger();
      let topics: string[] = [];
      {
        const options = { kind, dataPath: directory.path, descriptorsMax: DESCRIPTORS };
        await using broker = await startBroker(options);
        const writer = await Writer.open(broker, ledger);
        assert.equal(await writer.send("first", 0), null);
        topics = ["first", ...await makeTopics(broker)];
        for (const topic of topics) {
          assert.equal(await writer.send(topic, 0, { count: 3 }), null, `No write to ${topic}`);
        }
        const sockets = await openMany(broker);
        for (const topic of topics) {
          assert.equal(await writer.send(topic, 0, { count: 2 }), null, `No write to ${topic}`);
        }
        for (const socket of sockets) socket.destroy();
        assert.equal(broker.hasExited, false, broker.errors);
        writer.close();
        await compareTopics(broker, ledger, topics);
        const response = await fetch(`${broker.http}/readyz`);
        assert.equal(response.status, 200);
        if ((done + seed) % 2 === 0) await broker.kill();
        else assert.deepEqual(await broker.stop(), { code: 0, signal: null }, broker.errors);
      }
      await using again = await startBroker({ kind, dataPath: directory.path });
      await compareTopics(again, ledger, topics);
      await again.kill();
      topicsMade += topics.length;
      acknowledged += ledger.acknowledgedCount;
      onProgress(done + 1, `${topicsMade} topics`);
    }
    return { cycles, topics: topicsMade, acknowledged, lost: 0 };
  },
};
