/** Segment logs for the workloads that measure storage alone. */
import { createLog, type LogLocation, type RecoveryReport } from "../src/storage/log/recover_log.ts";
import { SegmentLog } from "../src/storage/log/segment_log.ts";
import { TailCacheBudget } from "../src/storage/log/tail_cache.ts";
import type { LogSettings } from "../src/storage/partition_log.ts";
import type { Platform } from "../src/platform/platform.ts";

/** The defaults of a topic. */
export const LOG_SETTINGS: LogSettings = {
  segmentBytes: 1_073_741_824,
  segmentMs: 604_800_000,
  indexIntervalBytes: 4_096,
  retentionMs: -1,
  retentionBytes: -1,
  batchBytesMax: 1_048_588,
};

export function logLocation(platform: Platform, directory: string): LogLocation {
  return { disk: platform.disk, clock: platform.clock, directory, identity: new Uint8Array(20) };
}

export function openLog(
  platform: Platform,
  directory: string,
): Promise<{ readonly log: SegmentLog; readonly report: RecoveryReport }> {
  return SegmentLog.open(logLocation(platform, directory), LOG_SETTINGS, new TailCacheBudget());
}

export async function makeLog(platform: Platform, directory: string): Promise<SegmentLog> {
  await createLog(logLocation(platform, directory));
  return (await openLog(platform, directory)).log;
}

/** The log's only segment. */
export function firstSegmentPath(directory: string): string {
  return `${directory}/${"0".repeat(20)}.log`;
}
