/** Damage on the disk: the partition goes offline by name, the others work, nothing damaged is served (design D3, facts T6). */
import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { makeTemporaryDirectory } from "../adapters/temporary_directory.ts";
import { startBroker } from "./broker_process.ts";
import { sentinel } from "./sentinel_command.ts";

const SEGMENT = "00000000000000000000.log";

test("a partition that is damaged is offline and named, the others work; log verify finds the place", async () => {
  await using directory = await makeTemporaryDirectory();
  const dataPath = join(directory.path, "data");
  {
    await using broker = await startBroker({ dataPath });
    for (const topic of ["bad", "good"]) {
      for (let index = 0; index < 5; index++) {
        const made = await sentinel(["produce", "-topic", topic, "-message", `m${index}`, "-broker", broker.binary]);
        assert.equal(made.code, 0, made.errors);
      }
    }
    assert.equal((await broker.stop()).code, 0);
  }
  const whole = await sentinel(["log", "verify", dataPath]);
  assert.equal(whole.code, 0, whole.out);
  const segment = join(dataPath, "bad-0", SEGMENT);
  const bytes = await readFile(segment);
  // Inside the third batch of five that are equally long.
  const place = Math.floor(bytes.length / 5 * 2.5);
  bytes[place] = bytes[place]! ^ 0x10;
  await writeFile(segment, bytes);

  const damaged = await sentinel(["log", "verify", dataPath]);
  assert.equal(damaged.code, 1);
  assert.match(damaged.out, new RegExp(`bad-0/${SEGMENT} at ${bytes.length / 5 * 2}:`));
  assert.match(damaged.out, /1 damaged$/m);
  const dump = await sentinel(["log", "dump", segment]);
  assert.equal(dump.code, 1);
  assert.match(dump.out, /offsets: 1-1 [^]*bytes are no batch/);

  await using broker = await startBroker({ dataPath });
  assert.match(broker.errors, new RegExp(`offline.*bad-0/${SEGMENT}`));
  const good = await sentinel(["consume", "-topic", "good", "-raw", "-broker", broker.binary]);
  assert.deepEqual([good.code, good.out], [0, "m0\nm1\nm2\nm3\nm4\n"]);
  const bad = await sentinel(["consume", "-topic", "bad", "-raw", "-broker", broker.binary]);
  assert.deepEqual([bad.code, bad.out], [1, ""]);
  assert.match(bad.errors, /storage_error: /);
  const refused = await sentinel(["produce", "-topic", "bad", "-message", "x", "-broker", broker.binary]);
  assert.equal(refused.code, 1);
  assert.match(refused.errors, /storage_error: /);
  const overHttp = await fetch(`${broker.http}/v1/topics/bad/partitions/0/records`);
  assert.equal(overHttp.status, 503);
  assert.equal((await overHttp.json()).code, "storage_error");
  const described = await sentinel(["topics", "describe", "bad", "-broker", broker.binary]);
  assert.match(described.out, /offline="/);
  assert.deepEqual(await broker.stop(), { code: 0, signal: null });
  // Nobody has cut or mended it.
  assert.deepEqual(await readFile(segment), bytes);
});

test("damage of the node's tree is found by log verify, which names the table", async () => {
  await using directory = await makeTemporaryDirectory();
  const dataPath = join(directory.path, "data");
  {
    await using broker = await startBroker({ dataPath });
    const config = ["--config", "storage.engine=lsm"];
    await sentinel(["topics", "create", "t", ...config, "-broker", broker.binary]);
    await sentinel(["produce", "-topic", "t", "-message", "m", "-count", "20", "-broker", broker.binary]);
    assert.equal((await broker.stop()).code, 0);
  }
  const whole = await sentinel(["log", "verify", dataPath]);
  assert.equal(whole.code, 0, whole.out);
  assert.match(whole.out, /a tree of 1 tables and 0 logs, .*nothing is damaged$/m);
  const name = (await readdir(join(dataPath, "tree"))).find((each) => each.endsWith(".sst"))!;
  const table = join(dataPath, "tree", name);
  const bytes = await readFile(table);
  bytes[40] = bytes[40]! ^ 0x10;
  await writeFile(table, bytes);
  const damaged = await sentinel(["log", "verify", dataPath]);
  assert.equal(damaged.code, 1);
  assert.match(damaged.out, new RegExp(`^damage: .*tree/${name} at 0: the block's checksum is wrong$`, "m"));
  assert.match(damaged.out, /1 damaged$/m);
});

test("seed-T2: a torn tail after a kill is cut, and the good prefix served", async () => {
  await using directory = await makeTemporaryDirectory();
  {
    await using broker = await startBroker({ dataPath: directory.path });
    await sentinel(["produce", "-topic", "t", "-message", "kept", "-count", "3", "-broker", broker.binary]);
    await broker.kill();
  }
  const segment = join(directory.path, "t-0", SEGMENT);
  const whole = await readFile(segment);
  // What a crash leaves of the next batch: its first bytes, then zeros.
  await writeFile(segment, new Uint8Array([...whole, ...whole.subarray(0, 40), ...new Uint8Array(100)]));
  await using broker = await startBroker({ dataPath: directory.path });
  assert.match(broker.errors, /Cut 140 bytes/);
  const read = await sentinel(["consume", "-topic", "t", "-raw", "-broker", broker.binary]);
  assert.equal(read.out, "kept-0\nkept-1\nkept-2\n");
  const next = await sentinel(["produce", "-topic", "t", "-message", "next", "-broker", broker.binary]);
  assert.equal(next.out, "✓ Produced 1 record(s) to t (offset: 3)\n");
});
