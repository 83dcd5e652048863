/** `segment.ms`: no segment spans a longer time, however its batches came into it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultyDisk } from "../faulty_disk.ts";
import { batchOf, DIRECTORY, newLog, openLog, store } from "../log_fixture.ts";

const SETTINGS = { segmentMs: 100 };

async function basesOf(disk: FaultyDisk): Promise<number[]> {
  return (await disk.list(DIRECTORY)).filter((name) => name.endsWith(".log")).map((name) => parseInt(name, 10)).sort();
}

test("batches of one write roll in time, into an empty segment, too", async () => {
  const disk = new FaultyDisk();
  const log = await newLog(disk, SETTINGS);
  for (const timestamp of [1_000, 1_050, 1_101, 1_150, 1_202]) log.appendAsLeader(batchOf(1, { timestamp }), 0);
  await log.flush();
  assert.deepEqual(await basesOf(disk), [0, 2, 4]);
  await log.close();
});

test("a sealed segment that a truncation makes the active one rolls in time after a restart", async () => {
  const disk = new FaultyDisk();
  let log = await newLog(disk, SETTINGS);
  for (const timestamp of [1_000, 1_050, 1_200]) await store(log, batchOf(1, { timestamp }));
  assert.deepEqual(await basesOf(disk), [0, 2]);
  await log.close();
  log = (await openLog(disk, SETTINGS)).log;
  await log.truncateFrom(1);
  await store(log, batchOf(1, { timestamp: 1_300 }));
  assert.deepEqual(await basesOf(disk), [0, 1]);
  await log.close();
});
