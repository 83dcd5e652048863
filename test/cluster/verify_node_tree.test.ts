/** `log verify` of a node's tree: sound trees in every state that a stop or a crash leaves, and damage with its file. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SentinelError } from "../../src/base/errors.ts";
import { makeUuid } from "../../src/base/ids.ts";
import { NodeTree } from "../../src/cluster/node_tree.ts";
import { verifyNodeTree } from "../../src/cluster/verify_node_tree.ts";
import { storeIdentity } from "../../src/storage/data_directory.ts";
import type { Finding } from "../../src/storage/verify_finding.ts";
import { WriteBatch } from "../../src/storage/write_batch.ts";
import { ManualClock } from "../manual_clock.ts";
import { FaultyDisk } from "../storage/faulty_disk.ts";
import { bytesOf } from "../storage/tree_fixture.ts";

const DIRECTORY_ID = makeUuid((into) => into.fill(7));
const TREE = "/data/tree";

async function withTree(): Promise<{ readonly disk: FaultyDisk; readonly tree: NodeTree }> {
  const disk = new FaultyDisk();
  await disk.makeDirectory("/data");
  await disk.syncDirectory("/");
  await storeIdentity(disk, "/data", { clusterId: DIRECTORY_ID, nodeId: 1, directoryId: DIRECTORY_ID });
  const tree = new NodeTree({ disk, clock: new ManualClock(), path: "/data", directoryId: DIRECTORY_ID });
  const store = await tree.store();
  for (let number = 0; number < 30; number++) {
    await store.write(new WriteBatch().put(bytesOf(`key ${number}`), bytesOf("value".repeat(20))));
    if (number === 15) await store.sync();
  }
  await store.sync();
  return { disk, tree };
}

async function verify(disk: FaultyDisk): Promise<{ readonly damaged: number; readonly found: Finding[] }> {
  const found: Finding[] = [];
  const effects = disk.effects.length;
  const summary = await verifyNodeTree(disk, "/data", { onFinding: (finding) => found.push(finding) });
  assert.equal(disk.effects.length, effects, "it changes nothing");
  assert.equal(summary!.damaged, found.filter(({ severity }) => severity === "damage").length);
  return { damaged: summary!.damaged, found };
}

test("a directory without a tree has nothing to verify, and one in use is refused", async () => {
  const disk = new FaultyDisk();
  await disk.makeDirectory("/data");
  assert.equal(await verifyNodeTree(disk, "/data", { onFinding: () => {} }), null);
  const opened = await withTree();
  await assert.rejects(
    verifyNodeTree(opened.disk, "/data", { onFinding: () => {} }),
    (thrown) => thrown instanceof SentinelError && /in use/.test(thrown.message),
  );
});

test("what a clean stop and each crash leave is sound", async () => {
  const { disk, tree } = await withTree();
  const images: FaultyDisk[] = [];
  disk.after = () => void images.push(disk.crash("kill"), disk.crash("lost"));
  const store = await tree.store();
  for (let number = 0; number < 10; number++) {
    await store.write(new WriteBatch().put(bytesOf(`more ${number}`), bytesOf("value")));
    await store.sync();
  }
  await tree.close();
  disk.after = () => {};
  assert.deepEqual(await verify(disk), { damaged: 0, found: [] });
  assert.ok(images.length > 20);
  for (const image of images) assert.equal((await verify(image)).damaged, 0);
});

test("a torn end of the newest log is a note, damage before it is damage", async () => {
  const { disk } = await withTree();
  const image = disk.crash("kill");
  const path = `${TREE}/${(await image.list(TREE)).find((name) => name.endsWith(".log"))!}`;
  const sound = image.bytesOf(path).slice();
  image.put(path, Uint8Array.from([...sound, 1, 2, 3]));
  const torn = await verify(image);
  assert.equal(torn.damaged, 0);
  assert.match(torn.found.at(-1)!.detail, /the next start cuts it/);
  const broken = sound.slice();
  broken[10]! ^= 1;
  image.put(path, broken);
  assert.deepEqual(
    (await verify(image)).found.filter(({ severity }) => severity === "damage").map(({ path }) => path),
    [
      path,
    ],
  );
});

test("each file that is damaged after a clean stop is named", async () => {
  const { disk, tree } = await withTree();
  await tree.close();
  const names = (await disk.list(TREE)).filter((name) => name.endsWith(".sst") || name === "MANIFEST");
  assert.equal(names.length, 2);
  for (const name of names) {
    const path = `${TREE}/${name}`;
    const sound = disk.bytesOf(path).slice();
    for (let at = 0; at < sound.length; at += 7) {
      const bytes = sound.slice();
      bytes[at]! ^= 1 << (at % 8);
      disk.put(path, bytes);
      const { found } = await verify(disk);
      assert.deepEqual([...new Set(found.map((finding) => `${finding.severity} ${finding.path}`))], [`damage ${path}`]);
    }
    disk.put(path, sound.subarray(0, sound.length - 5));
    assert.deepEqual((await verify(disk)).found.map((finding) => finding.path), [path]);
    disk.put(path, sound);
  }
  await disk.remove(`${TREE}/${names.find((name) => name !== "MANIFEST")!}`);
  assert.match((await verify(disk)).found[0]!.detail, /missing/);
});
