import { SentinelError } from "../base/errors.ts";
import type { Clock } from "../platform/clock.ts";
import type { Disk } from "../platform/disk.ts";
import type { NativeClient } from "../client/native_client.ts";
import { z } from "zod";
import { clientFlags } from "./client_flags.ts";
import {
  type Command,
  type CommandContext,
  connectTo,
  EXIT_DONE,
  EXIT_FAILED,
  fail,
  readFlags,
  refuse,
} from "./command.ts";
import { parseCsv } from "./csv.ts";
import { flag, text, trueOrFalse } from "./flags.ts";
import { isoTime } from "./iso_time.ts";
import { readSmallFile } from "./file_chunks.ts";

const demoFlags = z.object({
  ...clientFlags,
  data: flag(text().default("./sample_data"), {
    valueName: "DIR",
    environment: "SENTINEL_DEMO_DATA_DIR",
    help: "where predictions_*.csv are",
  }),
  topic: flag(text().default("bus-predictions"), { valueName: "TOPIC", help: "where the records go, partition 0" }),
  full: flag(trueOrFalse().default(false), { help: "100 records, 50 ms apart, in place of 10, 200 ms apart" }),
});

type DemoFlags = z.output<typeof demoFlags>;

const RULE = "=".repeat(60);
/** The reference takes so many rows of a file (facts X7); `--full` needs more of each to reach its 100 records (D2). */
const FILE_ROWS_MAX = 30;
const FILES_MAX = 3;
const FILE_BYTES_MAX = 16 * 1024 * 1024;

export const demoCommand: Command = { name: "demo", summary: "Replay sample data (bus arrivals) into a topic", run };

async function run(context: CommandContext, args: readonly string[]): Promise<number> {
  const read = await readFlags(context, "demo", demoFlags, args);
  if (typeof read === "number") return read;
  const { values, positionals } = read;
  if (positionals.length > 0) return await refuse(context, `Error: unexpected argument ${positionals[0]}`);
  const { output } = context;
  const limit = values.full ? 100 : 10;
  for (const line of [RULE, "SENTINEL DEMO: Historical Data Replay", RULE]) output.line(line);
  for (const line of [`Data source: ${values.data}`, `Topic: ${values.topic}`, `Limit: ${limit} records`]) {
    output.line(line);
  }
  const files = await findFiles(context.platform.disk, values.data);
  if (files.length === 0) {
    await output.error(`ERROR: No prediction CSV files found!\nExpected path: ${values.data}/predictions_*.csv`);
    return EXIT_FAILED;
  }
  output.line(`Found ${files.length} CSV files`);
  await output.flush();
  try {
    const client = await connectTo(context, values.broker);
    try {
      return await replay(context, client, values, { files: pickFiles(files), limit });
    } finally {
      client.close();
    }
  } catch (thrown) {
    return await fail(context, "Failed to produce", thrown);
  }
}

async function findFiles(disk: Disk, directory: string): Promise<string[]> {
  const status = await disk.status(directory);
  if (status?.kind !== "directory") return [];
  return (await disk.list(directory)).filter((name) => /^predictions_.*\.csv$/.test(name));
}

/** First, middle and last, each once however few there are (facts D2). */
export function pickFiles(files: readonly string[]): string[] {
  const places = [0, Math.floor(files.length / 2), files.length - 1];
  return [...new Set(places)].slice(0, FILES_MAX).map((place) => files[place]!);
}

async function replay(
  context: CommandContext,
  client: NativeClient,
  values: DemoFlags,
  plan: { readonly files: readonly string[]; readonly limit: number },
): Promise<number> {
  const { output, platform: { clock, disk } } = context;
  const { files, limit } = plan;
  const pauseMs = values.full ? 50 : 200;
  const fileRowsMax = Math.max(FILE_ROWS_MAX, Math.ceil(limit / files.length));
  const startMs = clock.monotonicMs();
  let sent = 0;
  let failures = 0;
  for (const file of files) {
    if (sent + failures >= limit || output.isReaderGone) break;
    output.line(`\nProcessing: ${file}`);
    const rows = parseCsv(await readSmallFile(disk, `${values.data}/${file}`, FILE_BYTES_MAX));
    for (const row of rows.slice(0, Math.min(fileRowsMax, limit - sent - failures))) {
      if (await sendRow(context, client, values.topic, { row, number: sent + 1 })) sent += 1;
      else failures += 1;
      await pause(clock, pauseMs);
    }
  }
  const seconds = (clock.monotonicMs() - startMs) / 1_000;
  for (
    const line of [
      "",
      RULE,
      `COMPLETE: Sent ${sent} records in ${seconds.toFixed(2)}s`,
      `Rate: ${(sent / seconds).toFixed(1)} msg/sec`,
      RULE,
      "",
      "To consume these messages:",
      `  sentinel consume -topic ${values.topic} -from-beginning`,
    ]
  ) output.line(line);
  await output.flush();
  return failures === 0 ? EXIT_DONE : EXIT_FAILED;
}

async function sendRow(
  { output, platform }: CommandContext,
  client: NativeClient,
  topic: string,
  { row, number }: { readonly row: ReadonlyMap<string, string>; readonly number: number },
): Promise<boolean> {
  const prediction = toPrediction(row, platform.clock.nowMs());
  const value = new TextEncoder().encode(JSON.stringify(prediction));
  try {
    await client.produce({ topic, partition: 0 }, [{ key: null, value, headers: [] }]);
  } catch (thrown) {
    if (!(thrown instanceof SentinelError)) throw thrown;
    await output.lineNow("  [ERR] Failed to send record");
    await output.error(`${thrown.code}: ${thrown.message}`);
    return false;
  }
  await output.lineNow(
    `  [${String(number).padStart(3)}] Route ${prediction.route.padStart(3)} → ${prediction.stop_name.slice(0, 25)}`,
  );
  return true;
}

/** One row of the transit agency's prediction list under readable names (facts X7). */
export function toPrediction(row: ReadonlyMap<string, string>, nowMs: number) {
  const column = (name: string): string => row.get(name) ?? "";
  return {
    route: column("rt"),
    stop_id: column("stpid"),
    stop_name: column("stpnm"),
    direction: column("rtdir"),
    predicted_time: column("prdtm"),
    delay: column("dly") === "True",
    countdown_min: column("prdctdn"),
    timestamp: isoTime(nowMs),
  };
}

function pause(clock: Clock, durationMs: number): Promise<void> {
  return new Promise((resolve) => void clock.after(durationMs, resolve));
}
