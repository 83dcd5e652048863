/** What is done to an LSM tree while it is crashed: flush, manifest edit, compaction and log rotation come in all of them. */
import { TreeScript } from "./tree_script.ts";
import type { TreeScenario } from "./tree_run.ts";

type Settings = ConstructorParameters<typeof TreeScript>[1];

function scenario(name: string, settings: Settings, run: (script: TreeScript) => Promise<void>): TreeScenario {
  return {
    name,
    prepare: (seed) => {
      const script = new TreeScript(seed, settings);
      return { script, run: () => run(script) };
    },
  };
}

/** Writers out of step: groups of several writes wait for one sync, and logs are rotated between them. */
const treeWrite = scenario("tree_write", { syncMode: "always" }, async (script) => {
  await script.start();
  script.beginCrashes();
  const send = async (writer: string): Promise<void> => {
    for (let time = 0; time < 14; time++) {
      await script.pass(script.random.below(400) / 1_000);
      await script.put(`${writer}${time % 9}`, 180);
    }
  };
  await Promise.all(["a", "b", "c"].map(send));
});

/** A first start, and one after it. */
const treeCreate = scenario("tree_create", { syncMode: "always" }, async (script) => {
  script.beginCrashes();
  await script.start();
  await script.put("a");
  script.kill();
  await script.start();
  await script.put("b");
  await script.close();
  await script.start();
  await script.put("c");
});

/** Acknowledged at once, durable with the interval, a sync or a stop. */
const treeBatch = scenario("tree_batch", { syncMode: "batch", syncIntervalMs: 5 }, async (script) => {
  await script.start();
  script.beginCrashes();
  for (let time = 0; time < 30; time++) {
    await script.put(`k${time % 11}`, 200);
    if (time % 7 === 6) await script.sync();
    await script.pass(script.random.below(4));
  }
  await script.close();
});

/** Deletions, batches and replaced values through all levels: what is deleted lies two levels deeper. */
const treeCompact = scenario(
  "tree_compact",
  { syncMode: "always", levelsMax: 4, tableBytes: 20_000 },
  async (script) => {
    await script.start();
    for (let time = 0; time < 40; time++) await script.put(`k${time % 26}`, 800);
    for (let time = 0; time < 8; time++) {
      if (time === 4) script.beginCrashes();
      const key = script.random.below(26);
      if (time % 3 === 0) await script.write({ [`k${key}`]: null, [`k${(key + 7) % 26}`]: null });
      else {
        await script.write({
          [`k${key}`]: `batch ${time}`.padEnd(900, "v"),
          [`x${key}`]: "small",
          [`k${key + 1}`]: null,
        });
      }
    }
    await script.store.compact();
  },
);

/** A stop that flushes, and a start that must find no more and no less. */
const treeStop = scenario("tree_stop", { syncMode: "batch" }, async (script) => {
  await script.start();
  for (let time = 0; time < 12; time++) await script.put(`k${time}`);
  script.beginCrashes();
  await script.close();
  await script.start();
  await script.write({ k3: null, k5: "replaced" });
  await script.close();
  await script.start();
  await script.put("last");
  await script.sync();
});

/** Kills and power losses, with writes between them. */
const treeRecovery = scenario("tree_recovery", { syncMode: "always" }, async (script) => {
  await script.start();
  for (let time = 0; time < 25; time++) await script.put(`k${time % 8}`, 170);
  script.beginCrashes();
  script.kill();
  await script.start();
  for (let time = 0; time < 9; time++) await script.put(`m${time}`, 170);
  script.losePower({ kind: "all-lost" });
  await script.start();
  await script.put("n1");
  await script.close();
  await script.start();
  await script.put("n2");
});

/** A disk that is full: writes are refused, nothing of them stays, and it goes on when there is room. */
const treeFull = scenario("tree_full", { syncMode: "always" }, async (script) => {
  await script.start();
  for (let time = 0; time < 30; time++) await script.put(`k${time}`, 170);
  script.beginCrashes();
  const { volume } = script;
  volume.capacityBytes = volume.capacityBytes - volume.freeBytes + 2 * 4_096;
  for (let time = 0; time < 30; time++) await script.put(`k${time % 5}`, 900);
  volume.capacityBytes = 2 ** 40;
  await script.pass(2_500);
  for (let time = 0; time < 3; time++) await script.put(`l${time}`, 170);
  // The whole write is there, and the answer says that it is not: a refused write must not come back.
  script.process.disk.faults.add({ operation: "write", pathPart: "wal_", code: "no_space", times: 1, effect: "all" });
  for (let time = 3; time < 6; time++) await script.put(`l${time}`, 170);
});

/** A clean stop, then starts without a block of room: what is there is read and stays, and writes come back with room. */
const treeFullStart = scenario("tree_full_start", { syncMode: "always" }, async (script) => {
  await script.start();
  for (let time = 0; time < 10; time++) await script.put(`k${time}`, 170);
  await script.close();
  const { volume } = script;
  const withoutRoom = (): void => void (volume.capacityBytes = volume.capacityBytes - volume.freeBytes);
  withoutRoom();
  script.beginCrashes();
  await script.start();
  for (let time = 0; time < 2; time++) await script.put("refused");
  await script.close();
  await script.start();
  await script.put("refused");
  volume.capacityBytes += 3 * 4_096;
  for (let time = 0; time < 4; time++) await script.put(`l${time}`);
  withoutRoom();
  script.kill();
  await script.start();
  volume.capacityBytes = 2 ** 40;
  for (let time = 0; time < 3; time++) await script.put(`m${time}`);
  await script.close();
});

/** A sync of the log that fails takes the pages with it; so does one of a table. */
const treeFailedSync = scenario("tree_failed_sync", { syncMode: "always" }, async (script) => {
  await script.start();
  for (let time = 0; time < 6; time++) await script.put(`k${time}`);
  script.beginCrashes();
  script.process.disk.faults.add({ operation: "sync", pathPart: "wal_", code: "io", times: 1, effect: "lost" });
  // Nobody knows whether it is there: it was neither promised nor taken back.
  const lost = script.put("lost");
  await lost;
  script.ledger.pop();
  await script.put("after");
  script.kill();
  await script.start();
  for (let time = 0; time < 4; time++) await script.put(`l${time}`);
  script.process.disk.faults.add({ operation: "sync", pathPart: ".sst", code: "io", times: 1, effect: "lost" });
  for (let time = 0; time < 30; time++) await script.put(`m${time}`, 170);
  script.kill();
  await script.start();
  await script.put("end");
});

export const TREE_SCENARIOS: readonly TreeScenario[] = [
  treeCreate,
  treeWrite,
  treeBatch,
  treeCompact,
  treeStop,
  treeRecovery,
  treeFull,
  treeFullStart,
  treeFailedSync,
];
