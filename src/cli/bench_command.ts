import { LIMITS } from "../base/limits.ts";
import type { NativeClient } from "../client/native_client.ts";
import type { RecordInput } from "../records/record.ts";
import { z } from "zod";
import { clientFlags } from "./client_flags.ts";
import { type Command, type CommandContext, connectTo, EXIT_DONE, fail, readFlags, refuse } from "./command.ts";
import { choice, flag, integer, text } from "./flags.ts";
import { PartitionReader } from "./partition_reader.ts";
import { Progress } from "./progress.ts";

const benchFlags = z.object({
  ...clientFlags,
  topic: flag(text().default("bench"), { valueName: "TOPIC", help: "where the records go, partition 0" }),
  records: flag(integer(1, 1_000_000_000).default(100_000), { valueName: "N", help: "how many records" }),
  recordBytes: flag(integer(0, 1_000_000).default(100), { valueName: "N", help: "bytes of each value" }),
  batchRecords: flag(integer(1, LIMITS.produceRecordsMax).default(1_000), {
    valueName: "N",
    help: "records of one request",
  }),
  inFlight: flag(integer(1, LIMITS.connectionRequestsInWorkMax).default(8), {
    valueName: "N",
    help: "requests under way at once",
  }),
  acks: flag(choice(["all", "leader", "none"]).default("all"), { valueName: "WHO", help: "all, leader or none" }),
});

type BenchFlags = z.output<typeof benchFlags>;

export const benchCommand: Command = { name: "bench", summary: "Measure produce, consume or end-to-end", run };

const WORKLOADS = {
  "produce": benchProduce,
  "consume": benchConsume,
  "end-to-end": benchEndToEnd,
} as const;

async function run(context: CommandContext, args: readonly string[]): Promise<number> {
  const read = await readFlags(context, "bench produce|consume|end-to-end", benchFlags, args);
  if (typeof read === "number") return read;
  const { values, positionals } = read;
  const workload = positionals[0] ?? "";
  if (positionals.length !== 1 || !Object.hasOwn(WORKLOADS, workload)) {
    return await refuse(context, `Error: bench needs one of ${Object.keys(WORKLOADS).join(", ")}`);
  }
  let client: NativeClient | null = null;
  try {
    client = await connectTo(context, values.broker, { requestTimeoutMs: 60_000 });
    await context.output.lineNow(await WORKLOADS[workload as keyof typeof WORKLOADS](context, client, values));
    return EXIT_DONE;
  } catch (thrown) {
    return await fail(context, `Failed to bench ${workload}`, thrown);
  } finally {
    client?.close();
  }
}

async function benchProduce(context: CommandContext, client: NativeClient, flags: BenchFlags): Promise<string> {
  const { clock } = context.platform;
  const progress = new Progress(context.terminal, clock, "records");
  const latenciesMs: number[] = [];
  const startMs = clock.monotonicMs();
  let asked = 0;
  let sent = 0;
  const worker = async (): Promise<void> => {
    while (asked < flags.records) {
      const count = Math.min(flags.batchRecords, flags.records - asked);
      asked += count;
      const requestStartMs = clock.monotonicMs();
      await client.produce({ topic: flags.topic, partition: 0, acks: flags.acks }, makeRecords(flags, count));
      latenciesMs.push(clock.monotonicMs() - requestStartMs);
      sent += count;
      progress.show(sent);
    }
  };
  await Promise.all(Array.from({ length: flags.inFlight }, worker));
  await progress.end();
  return `${throughput("produced", sent, flags.recordBytes * sent, clock.monotonicMs() - startMs)}, ${
    percentiles(latenciesMs)
  }`;
}

async function benchConsume(context: CommandContext, client: NativeClient, flags: BenchFlags): Promise<string> {
  const { clock } = context.platform;
  const { topic, records: recordsMax } = flags;
  const progress = new Progress(context.terminal, clock, "records");
  const [start, end] = await Promise.all([client.offsets(topic, 0, "earliest"), client.offsets(topic, 0, "latest")]);
  const startMs = clock.monotonicMs();
  const reader = new PartitionReader(client, { topic, partition: 0, next: start.offset, end: end.offset });
  let read = 0;
  let bytes = 0;
  while (read < recordsMax) {
    const records = await reader.read(recordsMax - read);
    if (records === null) break;
    read += records.length;
    for (const record of records) bytes += record.value?.length ?? 0;
    progress.show(read);
  }
  await progress.end();
  return throughput("consumed", read, bytes, clock.monotonicMs() - startMs);
}

/** One request under way at a time: how long from the call of produce until a waiting fetch has the record. */
async function benchEndToEnd(context: CommandContext, client: NativeClient, flags: BenchFlags): Promise<string> {
  const { clock } = context.platform;
  const { topic } = flags;
  const progress = new Progress(context.terminal, clock, "records");
  const consumer = await connectTo(context, flags.broker, { requestTimeoutMs: 60_000 });
  const latenciesMs: number[] = [];
  const startMs = clock.monotonicMs();
  try {
    // Makes the topic where it is missing.
    const first = await client.produce({ topic, partition: 0 }, makeRecords(flags, 1));
    let next = first.acks[0] === undefined ? 0 : first.acks[0].first + 1;
    for (let sent = 0; sent < flags.records; sent++) {
      const waiting = consumer.fetch({ topic, partition: 0, offset: next, waitMs: LIMITS.fetchWaitMsMax });
      const requestStartMs = clock.monotonicMs();
      await Promise.all([client.produce({ topic, partition: 0, acks: flags.acks }, makeRecords(flags, 1)), waiting]);
      latenciesMs.push(clock.monotonicMs() - requestStartMs);
      next = (await waiting).next;
      progress.show(sent + 1);
    }
  } finally {
    consumer.close();
  }
  await progress.end();
  const { records, recordBytes } = flags;
  return `${throughput("passed on", records, recordBytes * records, clock.monotonicMs() - startMs)}, ${
    percentiles(latenciesMs)
  }`;
}

/** Bytes that no compression of a network or a disk makes shorter than they are, the same in every run. */
function makeRecords({ recordBytes }: BenchFlags, count: number): RecordInput[] {
  const value = new Uint8Array(recordBytes);
  let state = 0x9e3779b9;
  for (let at = 0; at < recordBytes; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    value[at] = state >>> 24;
  }
  return new Array<RecordInput>(count).fill({ key: null, value, headers: [] });
}

function throughput(what: string, records: number, bytes: number, durationMs: number): string {
  const seconds = durationMs / 1_000;
  const rate = Math.round(records / seconds);
  return `${what} ${records} records in ${seconds.toFixed(2)} s: ${rate} records/s, ${
    (bytes / seconds / 1e6).toFixed(1)
  } MB/s`;
}

function percentiles(valuesMs: readonly number[]): string {
  const sorted = valuesMs.toSorted((a, b) => a - b);
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(2);
  return `latency ms p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)}`;
}
