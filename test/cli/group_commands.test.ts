/** `groups` and `consume -group` against a whole broker. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestBroker } from "../../src/server/test_broker.ts";
import { currentPlatform } from "../adapters/current.ts";
import { runCli } from "../../src/cli/main.ts";
import { cli, noParts } from "./cli_run.ts";
import { FakeTerminal } from "./fake_terminal.ts";

async function open() {
  const platform = currentPlatform({ memory: true });
  const broker = await startTestBroker(platform, { partitions: 2 });
  const run = (...args: string[]) => cli([...args, "-broker", broker.kafka]);
  return { broker, run, [Symbol.asyncDispose]: () => broker.stop() };
}

test("consume -group goes on where the group has committed", async () => {
  await using opened = await open();
  const { run } = opened;
  await run("produce", "-topic", "t", "-message", "m", "-count", "5", "-partition", "0");
  await run("produce", "-topic", "t", "-message", "n", "-count", "2", "-partition", "1");
  const first = await run("consume", "-topic", "t", "-group", "g", "-max-messages", "3");
  assert.equal(first.code, 0, first.errors);
  assert.match(
    first.out,
    /^Consuming from t \(group g, 2 partitions\)\.\.\.\n-{60}\noffset=0 \| key=\(null\) \| value=m-0\n/,
  );
  assert.match(first.out, /Consumed 3 message\(s\)\n$/);
  const second = await run("consume", "-topic", "t", "-group", "g", "-raw");
  assert.equal(second.out, "m-3\nm-4\nn-0\nn-1\n");
  const third = await run("consume", "-topic", "t", "-group", "g", "-raw");
  assert.equal(third.out, "");
  const other = await run("consume", "-topic", "t", "-group", "h", "-raw", "-offset", "latest");
  assert.deepEqual([other.code, other.out], [0, ""]);
});

test("groups list, describe, reset and delete", async () => {
  await using opened = await open();
  const { run } = opened;
  assert.equal((await run("groups", "list")).out, "Groups:\n");
  await run("produce", "-topic", "t", "-message", "m", "-count", "5", "-partition", "1");
  await run("consume", "-topic", "t", "-group", "g", "-raw", "-max-messages", "2");
  assert.equal((await run("groups")).out, "Groups:\n  g (Empty, consumer)\n");
  const described = await run("groups", "describe", "g");
  assert.equal(
    described.out,
    [
      "Group g (Empty, generation 2)",
      "TOPIC  PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG  CONSUMER-ID  HOST  CLIENT-ID",
      "t      1          2               5               3    -            -     -",
      "",
    ].join("\n"),
  );
  const dry = await run("groups", "reset", "g", "-topic", "t", "-to", "latest", "-dry-run");
  assert.equal(
    dry.out,
    "GROUP  TOPIC  PARTITION  NEW-OFFSET\ng      t      0          0\ng      t      1          5\n",
  );
  assert.match((await run("groups", "describe", "g")).out, /t {6}1 {10}2 /);
  await run("groups", "reset", "g", "-topic", "t", "-to", "4", "-partition", "1");
  assert.equal((await run("consume", "-topic", "t", "-group", "g", "-raw")).out, "m-4\n");
  assert.match((await run("groups", "reset", "g", "-topic", "t", "-to", "99")).out, /t {6}1 {10}5\n$/);
  await run("groups", "reset", "g", "-topic", "t", "-to", "@0");
  assert.equal((await run("consume", "-topic", "t", "-group", "g", "-raw")).out, "m-0\nm-1\nm-2\nm-3\nm-4\n");
  assert.equal((await run("groups", "delete", "g")).out, "✓ Deleted group g\n");
  const gone = await run("groups", "describe", "g");
  assert.deepEqual([gone.code, gone.errors], [
    1,
    'Failed to describe group: unknown_group: Group "g": the group does not exist\n',
  ]);
});

test("groups and consume -group refuse what cannot be meant", async () => {
  for (
    const [args, message] of [
      [["groups", "invent"], "Error: unknown action invent"],
      [["groups", "describe"], "Error: groups describe needs a group"],
      [["groups", "reset", "g", "-to", "latest"], "Error: groups reset needs -topic"],
      [["groups", "reset", "g", "-topic", "t"], "Error: groups reset needs -to: a number, earliest, latest or @MS"],
      [
        ["groups", "reset", "g", "-topic", "t", "-to", "x"],
        "Error: -to x is none of these: a number, earliest, latest or @MS",
      ],
      [["groups", "delete", "g", "h"], "Error: unexpected argument h"],
      [["consume", "-topic", "t", "-group", ""], "Error: -group is empty"],
      [
        ["consume", "-topic", "t", "-group", "g", "-partition", "1"],
        "Error: -group and -partition exclude each other: the group gives out the partitions",
      ],
    ] as const
  ) {
    assert.deepEqual(await cli([...args]), { code: 2, out: "", errors: `${message}\n` });
  }
});

test("consume -group of a topic that is not there fails, and makes none", async () => {
  await using opened = await open();
  const { code, errors } = await opened.run("consume", "-topic", "nothing", "-group", "g");
  assert.equal(code, 1);
  assert.match(errors, /^Error receiving: unknown_topic: /);
  assert.equal((await opened.run("topics", "list")).out, "Topics:\n");
});

test("a member that is stopped commits what it has printed and leaves", async () => {
  await using opened = await open();
  const { broker, run } = opened;
  await run("produce", "-topic", "t", "-message", "m", "-count", "3", "-partition", "0");
  const terminal = new FakeTerminal([
    "consume",
    "-topic",
    "t",
    "-group",
    "g",
    "-follow",
    "-raw",
    "-broker",
    broker.kafka,
  ]);
  const code = runCli(currentPlatform({ memory: true }), terminal, noParts);
  await terminal.untilOut("m-2\n");
  terminal.interrupt();
  assert.equal(await code, 0, terminal.errors);
  const { out } = await run("groups", "describe", "g");
  assert.match(out, /^Group g \(Empty, generation 2\)\n.*\nt {6}0 {10}3 {15}3 /);
});

test("two members of one group share the partitions, and one takes over from the other", async () => {
  await using opened = await open();
  const { run } = opened;
  await run("topics", "create", "t", "-partitions", "2");
  const first = opened.run("consume", "-topic", "t", "-group", "g", "-follow", "-raw", "-max-messages", "4");
  for (let member = 0; member === 0;) {
    const { out } = await run("groups", "describe", "g");
    if (/^t {6}0 .*\nt {6}1 .*sentinel-cli\n$/m.test(out)) member = 1;
  }
  const second = opened.run("consume", "-topic", "t", "-group", "g", "-follow", "-raw", "-max-messages", "1");
  for (let members = new Set<string>(); members.size < 2;) {
    const { out } = await run("groups", "describe", "g");
    members = new Set([...out.matchAll(/^t .* (sentinel-cli-\S+) /gm)].map((match) => match[1]!));
  }
  await run("produce", "-topic", "t", "-message", "a", "-partition", "0");
  await run("produce", "-topic", "t", "-message", "b", "-partition", "1");
  const done = await Promise.race([first.then(() => "first"), second.then(() => "second")]);
  assert.equal(done, "second");
  for (const message of ["c", "d", "e"]) await run("produce", "-topic", "t", "-message", message);
  const out = (await first).out + (await second).out;
  assert.deepEqual(out.split("\n").filter((line) => line !== "").sort(), ["a", "b", "c", "d", "e"]);
});
