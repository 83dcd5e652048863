/** One partition's log, in either storage engine, as the thing that is crashed: for what only its replica does to it. */
import { SentinelError } from "../../src/base/errors.ts";
import type { LogSettings, PartitionLog } from "../../src/storage/partition_log.ts";
import { createLog } from "../../src/storage/log/recover_log.ts";
import type { LogLocation } from "../../src/storage/log/recover_log.ts";
import { SegmentLog } from "../../src/storage/log/segment_log.ts";
import { TailCacheBudget } from "../../src/storage/log/tail_cache.ts";
import type { Platform } from "../../src/platform/platform.ts";
import { buildRecordBatch } from "../../src/records/build_batch.ts";
import type { RecordBatch } from "../../src/records/record_batch.ts";
import type { Observed, ObservedPartition } from "./observed.ts";
import { APPENDED_VALUE, messageOf, observedRecords, storedRecords } from "./subject.ts";
import type { OpensSubject, OpenSubject } from "./subject.ts";

/** The one partition that a log is shown as. */
export const LOG_TOPIC = "log";
const READ_BYTES = 1_000;

export const LOG_SETTINGS: LogSettings = {
  segmentBytes: 600,
  segmentMs: Number.MAX_SAFE_INTEGER,
  indexIntervalBytes: 100,
  retentionMs: -1,
  retentionBytes: -1,
  batchBytesMax: 1_048_588,
};

/** An open log, and what it lies in. */
export interface HostedLog {
  readonly log: PartitionLog;
  /** What is wrong with what is stored beside the batches, as texts. */
  inspect(): Promise<string[]>;
  close(): Promise<void>;
}

/** Where a log lies. */
export interface LogHost {
  /** Makes a new one; durable when it resolves. */
  make(platform: Platform): Promise<void>;
  open(platform: Platform, settings: LogSettings): Promise<HostedLog>;
}

function logLocation({ disk, clock }: Platform): LogLocation {
  const identity = Uint8Array.from({ length: 20 }, (_, index) => index);
  return { disk, clock, directory: `/data/${LOG_TOPIC}-0`, identity };
}

export const SEGMENTS_HOST: LogHost = {
  make: async (platform) => {
    await createLog(logLocation(platform));
    await platform.disk.syncDirectory("/data");
    await platform.disk.syncDirectory("/");
  },
  open: async (platform, settings) => {
    // No cache: what is read must come from the files.
    const { log } = await SegmentLog.open(logLocation(platform), settings, new TailCacheBudget(0));
    return { log, inspect: async () => [], close: () => log.close() };
  },
};

export function logSubjectOf(host: LogHost): OpensSubject {
  return async (platform) => {
    let hosted: HostedLog;
    try {
      hosted = await host.open(platform, LOG_SETTINGS);
    } catch (thrown) {
      if (!(thrown instanceof SentinelError)) throw thrown;
      return offline(thrown.message);
    }
    const { log } = hosted;
    return {
      observe: () => observeLog(hosted, platform.clock.monotonicMs()),
      append: async () => {
        const value = new TextEncoder().encode(APPENDED_VALUE);
        const batch = buildRecordBatch([{ key: null, value, headers: [], timestamp: 1_000 }], { nowMs: 1_000 });
        log.appendAsLeader(batch, Math.max(0, log.epochAt(log.endOffset)) + 1);
        await log.flush();
        return [];
      },
      close: () => hosted.close(),
    };
  };
}

/** As a broker shows a partition whose log does not open. */
function offline(fault: string): OpenSubject {
  const partition: ObservedPartition = { partition: 0, start: 0, end: 0, records: [], fault, contradictions: [] };
  const observed: Observed = { topics: [{ name: LOG_TOPIC, topicId: "", config: {}, partitions: [partition] }] };
  return { observe: async () => observed, append: async () => [fault], close: async () => {} };
}

async function observeLog({ log, inspect }: HostedLog, nowMs: number): Promise<Observed> {
  const batches: RecordBatch[] = [];
  let fault: string | null = null;
  try {
    for (let next = log.startOffset; next < log.endOffset; next = batches.at(-1)!.endOffset) {
      batches.push(...await log.read(next, { maxBytes: READ_BYTES, upTo: log.endOffset }));
    }
  } catch (thrown) {
    fault = messageOf(thrown);
  }
  const partition: ObservedPartition = {
    partition: 0,
    start: log.startOffset,
    end: log.endOffset,
    records: observedRecords(batches, log.startOffset),
    fault,
    contradictions: fault === null
      ? [
        ...epochContradictions(log, batches),
        ...await searchByTime(log, batches),
        ...producerContradictions(log, batches, nowMs),
        ...await inspect(),
      ]
      : [],
  };
  return { topics: [{ name: LOG_TOPIC, topicId: "", config: {}, partitions: [partition] }] };
}

/** I27: the epoch checkpoint agrees with the batches. */
function epochContradictions(log: PartitionLog, batches: readonly RecordBatch[]): string[] {
  const contradictions: string[] = [];
  for (const [at, { baseOffset, lastOffset, leaderEpoch }] of batches.entries()) {
    const offset = Math.max(baseOffset, log.startOffset);
    if (log.epochAt(offset) !== leaderEpoch || log.epochAt(lastOffset) !== leaderEpoch) {
      contradictions.push(
        `the batch at ${offset} has epoch ${leaderEpoch}, the checkpoint says ${log.epochAt(offset)}`,
      );
    }
    const next = batches[at + 1];
    if (next?.leaderEpoch === leaderEpoch) continue;
    const end = next?.baseOffset ?? log.endOffset;
    const told = log.endOffsetForEpoch(leaderEpoch);
    // Compaction may have taken the batches around the epoch's end.
    const isInGap = told !== null && told > lastOffset && told < end;
    if (told !== end && !isInGap) {
      contradictions.push(
        `epoch ${leaderEpoch} ends at ${end}, the checkpoint says ${log.endOffsetForEpoch(leaderEpoch)}`,
      );
    }
  }
  return contradictions;
}

async function searchByTime(log: PartitionLog, batches: readonly RecordBatch[]): Promise<string[]> {
  const contradictions: string[] = [];
  const withRecords = batches.filter(({ recordCount }) => recordCount > 0);
  for (const { maxTimestamp } of withRecords) {
    const first = withRecords.find((batch) => batch.maxTimestamp >= maxTimestamp)!;
    const found = await log.batchForTimestamp(maxTimestamp, log.endOffset);
    if (found?.baseOffset !== first.baseOffset) {
      contradictions.push(
        `the first batch at or after ${maxTimestamp} is ${first.baseOffset}, the search says ${found?.baseOffset}`,
      );
    }
  }
  const last = batches.at(-1);
  const ends = last?.endOffset ?? log.endOffset;
  const isWhole = last !== undefined && last.recordCount === last.lastOffsetDelta + 1;
  if (isWhole && storedRecords(last, 0).at(-1)!.offset + 1 !== ends) {
    contradictions.push(`the last batch does not end at ${ends}`);
  }
  return contradictions;
}

/** What is known of a producer is what the log has of it; what was trimmed may be known, what was cut may not. */
function producerContradictions(log: PartitionLog, batches: readonly RecordBatch[], nowMs: number): string[] {
  const contradictions: string[] = [];
  const last = new Map(
    batches.filter(({ baseSequence }) => baseSequence >= 0).map((batch) => [batch.producerId, batch]),
  );
  for (const [id, { lastOffset }] of last) {
    const known = log.producers.get(id, nowMs)?.batches.at(-1)?.lastOffset;
    if (known !== lastOffset) {
      contradictions.push(`the last batch of producer ${id} ends at ${lastOffset}, and ${known} is known`);
    }
  }
  for (const { producerId, batches: known } of log.producers.active(nowMs)) {
    const { lastOffset } = known.at(-1)!;
    if (lastOffset >= log.startOffset && !last.has(producerId)) {
      contradictions.push(`a batch of producer ${producerId} that ends at ${lastOffset} is known, and not there`);
    }
  }
  return contradictions;
}
