/**
 * `soak`: ten minutes of produce and consume at full speed, and what the broker's memory does: after its first minute it
 * must not grow. Producers wait when the consumer falls behind, and what was consumed is deleted, so that the disk
 * does not fill.
 */
import { connectNative, type NativeClient } from "../../src/client/native_client.ts";
import { makeBatch } from "../payloads.ts";
import { residentBytes, startServerProcess } from "../server_process.ts";
import { median } from "../statistics.ts";
import { RecordBatch } from "../../src/records/record_batch.ts";
import { type BenchContext, loneFigure, type Workload } from "../workload.ts";

const RECORDS = 1_000;
const VALUE_BYTES = 100;
const IN_FLIGHT = 8;
/** Records that producers may be ahead of the consumer. */
const LAG_RECORDS_MAX = 200_000;
/** Memory at a moment is the median of so many seconds up to it. */
const MEDIAN_SECONDS = 15;
const TOPIC = "bench";

/** How far both sides are. */
interface Progress {
  produced: number;
  consumed: number;
  isOver: boolean;
  /** Producers that wait for the consumer. */
  waiting: (() => void)[];
}

export const soak: Workload = {
  name: "soak",
  summary: "ten minutes of produce and consume at full speed; the broker's memory after one minute and at the end",
  async run(context) {
    const { clock, network } = context.platform;
    const seconds = context.isSmoke ? 2 : 600;
    const warmSeconds = context.isSmoke ? 1 : 60;
    const broker = await startServerProcess("broker", { dataPath: `${context.directory}/data`, trimEveryMs: 1_000 });
    const address = { host: "127.0.0.1", port: broker.addresses.binaryPort! };
    const producer = await connectNative(network, clock, address);
    const consumer = await connectNative(network, clock, address);
    const progress: Progress = { produced: 0, consumed: 0, isOver: false, waiting: [] };
    try {
      // The batches' timestamps are old: retention by time would take them from under the consumer.
      await producer.createTopic(TOPIC, {
        partitions: 1,
        config: { "segment.bytes": "67108864", "retention.ms": "-1" },
      });
      const work = [
        consume(consumer, progress),
        ...Array.from({ length: IN_FLIGHT }, () => produce(producer, progress)),
      ];
      const megabytes = await watch(context, broker.processId, progress, seconds);
      // Whatever went wrong meanwhile comes out here.
      await Promise.all(work);
      // A garbage collector's memory goes up and down: one moment says little.
      const around = (second: number) => median(megabytes.slice(Math.max(0, second - MEDIAN_SECONDS), second));
      const named = { workload: "soak", unit: "MB" };
      return [
        loneFigure({ workload: "soak", figure: "consumed_records_per_s", unit: "1/s" }, progress.consumed / seconds),
        loneFigure({ ...named, figure: "memory_after_first_minute_mb" }, around(warmSeconds)),
        loneFigure({ ...named, figure: "memory_at_end_mb" }, around(seconds)),
        loneFigure({ ...named, figure: "memory_peak_mb" }, Math.max(...megabytes)),
      ];
    } finally {
      producer.close();
      consumer.close();
      await broker.stop();
    }
  },
};

async function produce(client: NativeClient, progress: Progress): Promise<void> {
  const template = makeBatch(RECORDS, VALUE_BYTES);
  while (!progress.isOver) {
    if (progress.produced - progress.consumed > LAG_RECORDS_MAX) {
      await new Promise<void>((resolve) => progress.waiting.push(resolve));
      continue;
    }
    progress.produced += RECORDS;
    await client.produceBatch({ topic: TOPIC, partition: 0 }, new RecordBatch(template.bytes));
  }
}

/** To the end of what was produced: every acknowledged record comes, once and in order. */
async function consume(client: NativeClient, progress: Progress): Promise<void> {
  while (!progress.isOver || progress.consumed < progress.produced) {
    const parameters = { topic: TOPIC, partition: 0, offset: progress.consumed, maxRecords: 10_000, waitMs: 100 };
    const { records, next } = await client.fetch(parameters);
    if (records.length > 0 && records[0]!.offset !== progress.consumed) throw new Error("Records are missing");
    progress.consumed = next;
    for (const wake of progress.waiting.splice(0)) wake();
  }
}

/** Lets both sides run; the broker's megabytes at every second. */
async function watch(
  context: BenchContext,
  processId: number,
  progress: Progress,
  seconds: number,
): Promise<number[]> {
  const samples: number[] = [];
  for (let second = 1; second <= seconds; second++) {
    await new Promise<void>((resolve) => void setTimeout(resolve, 1_000));
    const megabytes = await residentBytes(processId) / 1e6;
    samples.push(megabytes);
    context.progress(
      `${second} of ${seconds} s, ${Math.round(progress.consumed / second)} records/s, ${Math.round(megabytes)} MB`,
    );
  }
  progress.isOver = true;
  for (const wake of progress.waiting.splice(0)) wake();
  return samples;
}
