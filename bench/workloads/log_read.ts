/** `log-read`: reading a log from its files, everything checked once, beside reading and checksumming the same bytes. */
import { crc32c } from "../../src/bytes/crc32c.ts";
import { LIMITS } from "../../src/base/limits.ts";
import { firstSegmentPath, makeLog, openLog } from "../bench_log.ts";
import { makeBatch } from "../payloads.ts";
import { RecordBatch } from "../../src/records/record_batch.ts";
import { compareInRounds } from "../rounds.ts";
import { type BenchContext, besideFigure, type Workload } from "../workload.ts";

const READ_BYTES = LIMITS.fetchBytesDefault;

export const logRead: Workload = {
  name: "log-read",
  summary: "a log of 64 kB batches from first to last; beside reading and checksumming its file",
  async run(context) {
    const path = `${context.directory}/log`;
    const sizeBytes = await fillLog(context, path, context.isSmoke ? 4_000_000 : 256_000_000);
    const comparison = await compareInRounds(
      context.isSmoke ? 1 : 7,
      () => checksumFile(context, firstSegmentPath(path), sizeBytes),
      () => readLog(context, path),
    );
    const named = { workload: "log-read", figure: "read_mb_per_s", unit: "MB/s", beside: "read and crc32c" };
    return [besideFigure({ ...named, target: { of: "ratio", atLeast: 0.5 } }, comparison)];
  },
};

async function fillLog({ platform }: BenchContext, path: string, bytesMin: number): Promise<number> {
  const log = await makeLog(platform, path);
  const template = makeBatch(640, 100);
  while (log.sizeBytes < bytesMin) {
    for (let count = 0; count < 64; count++) log.appendAsLeader(new RecordBatch(template.bytes.slice()), 0);
    await log.flushToSystem();
  }
  const sizeBytes = log.sizeBytes;
  await log.close();
  return sizeBytes;
}

/** MB a second of a file that is read piece by piece into one buffer and checksummed. */
export async function checksumFile({ platform }: BenchContext, path: string, sizeBytes: number): Promise<number> {
  const file = await platform.disk.open(path, "read");
  const piece = new Uint8Array(READ_BYTES);
  const startMs = platform.clock.monotonicMs();
  let checksum = 0;
  for (let position = 0; position < sizeBytes; position += piece.length) {
    const count = await file.readAt(position, piece);
    checksum = crc32c(piece, 0, count, checksum);
  }
  const elapsedMs = platform.clock.monotonicMs() - startMs;
  await file.close();
  return sizeBytes / elapsedMs / 1_000;
}

/** Each round opens the log anew: what a process has checked once it does not check again. */
async function readLog({ platform }: BenchContext, path: string): Promise<number> {
  const { log } = await openLog(platform, path);
  const startMs = platform.clock.monotonicMs();
  let bytes = 0;
  for (let offset = log.startOffset; offset < log.endOffset;) {
    for (const batch of await log.read(offset, { maxBytes: READ_BYTES, upTo: log.endOffset })) {
      bytes += batch.sizeBytes;
      offset = batch.endOffset;
    }
  }
  const elapsedMs = platform.clock.monotonicMs() - startMs;
  if (bytes !== log.sizeBytes) throw new Error(`Read ${bytes} of ${log.sizeBytes} bytes`);
  await log.close();
  return bytes / elapsedMs / 1_000;
}
