/**
 * One data directory under all three programs in turn: what Bun wrote, Deno and the compiled program read, and each the
 * others', after clean stops and after kills. Here and not in `processes/`, since once is enough.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeTemporaryDirectory } from "../adapters/temporary_directory.ts";
import { startBroker } from "../processes/broker_process.ts";
import { compareTopics, Ledger } from "../processes/ledger.ts";
import { LOAD_TOPICS, makeLoadTopics, startLoad } from "../processes/load.ts";
import { isFullSize, type ProgramKind, sentinel } from "../processes/sentinel_command.ts";

const KINDS: readonly ProgramKind[] = ["bun", "deno", "binary"];
const ROUNDS = isFullSize ? 10 : 2;
const RECORDS = isFullSize ? 4_000 : 400;

for (const ending of ["stop", "kill -9"] as const) {
  test(`Bun, Deno and the compiled program read each other's files after ${ending}`, async () => {
    await using directory = await makeTemporaryDirectory();
    const ledger = new Ledger();
    // 7 of 3 kinds: each comes after each of the others.
    const order = [0, 1, 0, 2, 1, 2, 0].map((place) => KINDS[place]!);
    const turns = Array.from({ length: Math.ceil(ROUNDS / 2) }, () => order).flat();
    for (const [turn, kind] of turns.entries()) {
      await using broker = await startBroker({ kind, dataPath: directory.path });
      if (turn === 0) await makeLoadTopics(broker);
      else await compareTopics(broker, ledger, LOAD_TOPICS);
      const load = startLoad(broker, ledger, turn);
      await load.acknowledged(RECORDS);
      if (ending === "stop") assert.deepEqual(await broker.stop(), { code: 0, signal: null }, broker.errors);
      else await broker.kill();
      await load.ended;
      if (ending === "stop") await assertWhole(KINDS[(turn + 1) % KINDS.length]!, directory.path);
    }
    await using broker = await startBroker({ kind: "deno", dataPath: directory.path });
    await compareTopics(broker, ledger, LOAD_TOPICS);
  });
}

async function assertWhole(kind: ProgramKind, path: string): Promise<void> {
  const verified = await sentinel(["log", "verify", path], { kind });
  assert.equal(verified.code, 0, verified.out);
}

test("each program refuses a data directory that another one holds", async () => {
  await using directory = await makeTemporaryDirectory();
  for (const kind of KINDS) {
    await using broker = await startBroker({ kind, dataPath: directory.path });
    for (const other of KINDS) {
      const serve = ["serve", "--port", "0", "--http-port", "0", "--data", directory.path];
      const second = await sentinel(serve, { kind: other });
      assert.equal(second.code, 1, `${other} took the directory of ${kind}`);
      assert.match(second.errors, /is in use by another broker/);
    }
    assert.equal((await broker.stop()).code, 0);
  }
});

test("a command of each program speaks with a broker of each", async () => {
  for (const brokerKind of KINDS) {
    await using broker = await startBroker({ kind: brokerKind });
    for (const [index, kind] of KINDS.entries()) {
      const message = `from ${kind}`;
      const produced = await sentinel(["produce", "-topic", "t", "-message", message, "-broker", broker.binary], {
        kind,
      });
      assert.equal(produced.out, `✓ Produced 1 record(s) to t (offset: ${index})\n`, produced.errors);
    }
    const reader = KINDS[(KINDS.indexOf(brokerKind) + 1) % KINDS.length]!;
    const consumed = await sentinel(["consume", "-topic", "t", "-raw", "-broker", broker.binary], { kind: reader });
    assert.equal(consumed.out, "from bun\nfrom deno\nfrom binary\n", `${reader} reads from ${brokerKind}`);
  }
});
