import { memoryDisk } from "../../../adapters/memory/disk.ts";
import type { Disk } from "../../../src/platform/disk.ts";
import { createLog } from "../../../src/storage/log/recover_log.ts";
import { SegmentLog } from "../../../src/storage/log/segment_log.ts";
import { TailCacheBudget } from "../../../src/storage/log/tail_cache.ts";
import { currentDisk, currentRuntime } from "../../adapters/current.ts";
import { makeTemporaryDirectory } from "../../adapters/temporary_directory.ts";
import { describePartitionLog } from "../../conformance/partition_log.ts";
import type { LogUnderTest } from "../../conformance/partition_log.ts";
import { ManualClock } from "../../manual_clock.ts";
import { IDENTITY, SETTINGS } from "../log_fixture.ts";

async function makeLog(
  disk: Disk,
  root: string,
  cacheBytes: number,
  indexIntervalBytes: number,
): Promise<LogUnderTest> {
  const location = { disk, clock: new ManualClock(), directory: `${root}/orders-0`, identity: IDENTITY };
  await createLog(location);
  const settings = { ...SETTINGS, segmentBytes: 1_000, indexIntervalBytes };
  const open = async (): Promise<SegmentLog> =>
    (await SegmentLog.open(location, settings, new TailCacheBudget(cacheBytes))).log;
  let log = await open();
  return {
    log,
    reopen: async () => {
      await log.close();
      return log = await open();
    },
    [Symbol.asyncDispose]: () => log.close(),
  };
}

describePartitionLog("segments in memory", () => makeLog(memoryDisk(), "/data", 0, 200));
describePartitionLog("segments in memory with a tail cache", () => makeLog(memoryDisk(), "/data", 600, 0));
describePartitionLog(`segments on ${currentRuntime}'s disk`, async () => {
  const directory = await makeTemporaryDirectory();
  const made = await makeLog(currentDisk(), directory.path, 0, 4_096);
  return {
    ...made,
    [Symbol.asyncDispose]: async () => {
      await made[Symbol.asyncDispose]();
      await directory.remove();
    },
  };
});
