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
const ANSWER_MS_MAX = 10_000;

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

/**
 * One write to each; how many were refused. A topic's first write may need a descriptor of its own (the thread that syncs
 * has one); where one was written to before, nothing is missing.
 */
async function writeToAll(writer: Writer, topics: readonly string[]): Promise<number> {
  let refusals = 0;
  for (const topic of topics) {
    const code = await writer.send(topic, 0, { count: 3 });
    assert.ok(code === null || (code === "storage_error" && topic !== "first"), `${topic} refuses with ${code}`);
    if (code !== null) refusals += 1;
  }
  return refusals;
}

/** Deletes every other topic but the first; what is left. */
async function deleteHalf(broker: BrokerProcess, topics: readonly string[]): Promise<string[]> {
  const client = await broker.connect();
  const left = topics.filter((_, at) => at % 2 === 0);
  for (const topic of topics) if (!left.includes(topic)) await client.deleteTopic(topic);
  client.close();
  return left;
}

/** More connections to the binary port than there are descriptors; those that do not come through are no failure. */
async function openMany(broker: BrokerProcess): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let count = 0; count < DESCRIPTORS; count++) {
    const socket = connect(addressOf(broker.binary));
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
    let refusals = 0;
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
        topicsMade += topics.length;
        refusals += await writeToAll(writer, topics);
        const sockets = await openMany(broker);
        refusals += await writeToAll(writer, topics);
        for (const socket of sockets) socket.destroy();
        await compareTopics(broker, ledger, topics);
        // With descriptors to spare again, every topic that is left takes records, refused before or not.
        topics = await deleteHalf(broker, topics);
        assert.equal(await writeToAll(writer, topics), 0, "There is room, and a write is refused");
        assert.equal(broker.hasExited, false, broker.errors);
        writer.close();
        const response = await fetch(`${broker.http}/readyz`, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
        assert.equal(response.status, 200);
        if ((done + seed) % 2 === 0) await broker.kill();
        else assert.deepEqual(await broker.stop(), { code: 0, signal: null }, broker.errors);
      }
      await using again = await startBroker({ kind, dataPath: directory.path });
      await compareTopics(again, ledger, topics);
      await again.kill();
      acknowledged += ledger.acknowledgedCount;
      onProgress(done + 1, `${topicsMade} topics`);
    }
    return { cycles, topics: topicsMade, refusals, acknowledged, lost: 0 };
  },
};
