/** Commands in pipelines: a reader that has seen enough, input that comes slowly, an end by Ctrl-C. */
import assert from "node:assert/strict";
import { once } from "node:events";
import process from "node:process";
import { test } from "node:test";
import { type BrokerProcess, startBroker } from "./broker_process.ts";
import { ended, gather, ownKind, sentinel, shell, shellWord, spawnSentinel } from "./sentinel_command.ts";

/** More than a pipe and the command's own buffer hold. */
const COUNT = 60_000;

test("consume | head -1 ends quietly, also with -follow", async () => {
  await using broker = await startBroker();
  await fill(broker, "t", COUNT);
  for (const flags of ["-raw", "-json", "-max-messages 1000000", "-raw -follow"]) {
    const line = `{ ${
      shellWord(ownKind)
    } consume -topic t ${flags} -broker ${broker.binary}; echo "code $?" >&2; } | head -1`;
    const { out, errors } = await shell(line);
    assert.equal(out.split("\n").length, 2, out);
    assert.equal(errors, "code 0\n", flags);
  }
});

test("consume -follow shows a record when it comes, and Ctrl-C ends it with its footer and 0", async () => {
  await using broker = await startBroker();
  await fill(broker, "t", 1);
  const consumer = spawnSentinel(ownKind, ["consume", "-topic", "t", "-follow", "-broker", broker.binary]);
  const out = gather(consumer.stdout);
  const exited = ended(consumer, "consume -follow");
  while (!out().includes("value=x\n")) await once(consumer.stdout!, "data");
  await sentinel(["produce", "-topic", "t", "-message", "later", "-broker", broker.binary]);
  while (!out().includes("offset=1 | key=(null) | value=later\n")) await once(consumer.stdout!, "data");
  process.kill(consumer.pid!, "SIGINT");
  assert.deepEqual(await exited, { code: 0, signal: null });
  assert.match(out(), /-{60}\nConsumed 2 message\(s\)\n$/);
});

test("produce acknowledges a line before the next one is typed", async () => {
  await using broker = await startBroker();
  await fill(broker, "typed", 1);
  const producer = spawnSentinel(ownKind, ["produce", "-topic", "typed", "-broker", broker.binary], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const out = gather(producer.stdout);
  const exited = ended(producer, "produce");
  producer.stdin!.write("first\n");
  // A long poll that ends without a record means that produce holds the line back.
  assert.equal((await waitForRecords(broker, "typed")).length, 1);
  producer.stdin!.end("second");
  assert.deepEqual(await exited, { code: 0, signal: null });
  assert.equal(out(), "✓ Produced 2 record(s) to typed (offset: 1)\n");
});

test("a broker that dies under a producer is said, with what was acknowledged", async () => {
  await using broker = await startBroker();
  await fill(broker, "t", 1);
  const producer = spawnSentinel(ownKind, ["produce", "-topic", "t", "-broker", broker.binary], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const errors = gather(producer.stderr);
  const exited = ended(producer, "produce");
  producer.stdin!.on("error", () => {});
  producer.stdin!.write("one\ntwo\n");
  assert.equal((await waitForRecords(broker, "t")).length, 2);
  await broker.kill();
  producer.stdin!.end("three\n");
  assert.equal((await exited).code, 1);
  // The reader may learn of the two records just before their producer does.
  assert.match(
    errors(),
    /^Failed to produce: (connection_reset|closed): [^\n]+( \(after 2 acknowledged record\(s\)\))?\n$/,
  );
});

async function fill(broker: BrokerProcess, topic: string, count: number): Promise<void> {
  const args = ["produce", "-topic", topic, "-message", "x", "-count", String(count), "-broker", broker.binary];
  const result = await sentinel(args);
  assert.equal(result.code, 0, result.errors);
}

/** The records behind the first one, as soon as there are any. */
async function waitForRecords(broker: BrokerProcess, topic: string): Promise<readonly unknown[]> {
  const response = await fetch(`${broker.http}/v1/topics/${topic}/partitions/0/records?from=1&wait=20`);
  return (await response.json()).records;
}
