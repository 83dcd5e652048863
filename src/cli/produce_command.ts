import { SentinelError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { encodeUtf8 } from "../bytes/utf8.ts";
import type { NativeClient } from "../client/native_client.ts";
import type { RecordHeader } from "../records/record.ts";
import type { FormedRecord } from "../records/record_form.ts";
import { z } from "zod";
import { clientFlags, partitionNumber, splitPair, TOPIC_REQUIRED, topicFlag } from "./client_flags.ts";
import {
  type Command,
  type CommandContext,
  connectTo,
  describeError,
  EXIT_DONE,
  EXIT_FAILED,
  readFlags,
  refuse,
} from "./command.ts";
import { readChunks } from "./file_chunks.ts";
import { choice, flag, integer, text, textList, trueOrFalse } from "./flags.ts";
import { readJsonLine } from "./json_lines.ts";
import { LineSplitter } from "./line_splitter.ts";
import { Progress } from "./progress.ts";
import { RecordSender } from "./record_sender.ts";

const COUNT_MAX = 1_000_000_000;

const produceFlags = z.object({
  ...clientFlags,
  topic: topicFlag,
  message: flag(text().optional(), {
    valueName: "TEXT",
    help: "the record's value; without it, each line of stdin is a record",
  }),
  key: flag(text().optional(), { valueName: "TEXT", help: "the key; equal keys go to the same partition" }),
  partition: flag(partitionNumber.default(-1), {
    valueName: "N",
    help: "the partition; -1: by key, or each request its own. Only one partition keeps the order of a whole file",
  }),
  count: flag(integer(1, COUNT_MAX).default(1), { valueName: "N", help: "send TEXT-0 … TEXT-(N-1)" }),
  file: flag(text().optional(), { valueName: "FILE", help: "read lines from a file in place of stdin" }),
  header: flag(textList(), { valueName: "K=V", isList: true, help: "a header, any number of times" }),
  json: flag(trueOrFalse().default(false), { help: "each line is a record as the HTTP API has it, in JSON" }),
  acks: flag(choice(["all", "leader", "none"]).default("all"), { valueName: "WHO", help: "all, leader or none" }),
});

type ProduceFlags = z.output<typeof produceFlags>;

export const produceCommand: Command = { name: "produce", summary: "Send messages to a topic", run };

async function run(context: CommandContext, args: readonly string[]): Promise<number> {
  const read = await readFlags(context, "produce", produceFlags, args);
  if (typeof read === "number") return read;
  const { values, positionals } = read;
  const { topic, message, count, file, json } = values;
  if (topic === "") return await refuse(context, TOPIC_REQUIRED);
  if (positionals.length > 0) return await refuse(context, `Error: unexpected argument ${positionals[0]}`);
  if (message !== undefined && file !== undefined) {
    return await refuse(context, "Error: -message and -file exclude each other");
  }
  if (message === undefined && count > 1) return await refuse(context, "Error: -count needs -message");
  const headers = readHeaders(values.header);
  if (headers === null) return await refuse(context, "Error: -header is not of the form k=v");
  const progress = new Progress(context.terminal, context.platform.clock, "records");
  let client: NativeClient | null = null;
  let sender: RecordSender | null = null;
  try {
    client = await connectTo(context, values.broker);
    sender = await openSender(client, values);
    if (message !== undefined) await sendMessages(sender, values, headers, progress);
    else await sendLines(context, sender, { values, headers, json }, progress);
    await sender.finish();
    await progress.end();
    const offset = sender.firstOffset === null ? "" : ` (offset: ${sender.firstOffset})`;
    await context.output.lineNow(`✓ Produced ${sender.acknowledged} record(s) to ${topic}${offset}`);
    return EXIT_DONE;
  } catch (thrown) {
    // What is under way may still be stored: the count below must not say less than what was acknowledged.
    await sender?.finish().catch(() => {});
    await progress.end();
    const before = sender === null || sender.acknowledged === 0
      ? ""
      : ` (after ${sender.acknowledged} acknowledged record(s))`;
    await context.output.error(`Failed to produce: ${describeError(thrown)}${before}`);
    return EXIT_FAILED;
  } finally {
    client?.close();
  }
}

async function openSender(client: NativeClient, values: ProduceFlags): Promise<RecordSender> {
  const { topic, partition, acks } = values;
  const batchBytesMax = await topicBatchBytesMax(client, topic);
  return new RecordSender(client, { topic, acks, batchBytesMax, ...(partition < 0 ? {} : { partition }) });
}

/** The topic's own bound, or the default when the topic is not there yet. */
async function topicBatchBytesMax(client: NativeClient, topic: string): Promise<number> {
  try {
    const { config } = await client.describeTopic(topic);
    return Number(config["max.message.bytes"] ?? LIMITS.batchBytesDefaultMax);
  } catch (thrown) {
    if (thrown instanceof SentinelError && thrown.code === "unknown_topic") return LIMITS.batchBytesDefaultMax;
    // Whatever else is wrong, such as the topic's name, produce itself says it best.
    if (thrown instanceof SentinelError && thrown.code !== "timed_out") return LIMITS.batchBytesDefaultMax;
    throw thrown;
  }
}

async function sendMessages(
  sender: RecordSender,
  values: ProduceFlags,
  headers: readonly RecordHeader[],
  progress: Progress,
): Promise<void> {
  const { message = "", count } = values;
  const key = values.key === undefined ? null : flagBytes(values.key);
  for (let index = 0; index < count; index++) {
    const value = flagBytes(count === 1 ? message : `${message}-${index}`);
    const wait = sender.add({ record: { key, value, headers } });
    if (wait !== null) await wait;
    progress.show(sender.acknowledged);
  }
}

interface LineOptions {
  readonly values: ProduceFlags;
  readonly headers: readonly RecordHeader[];
  readonly json: boolean;
}

async function sendLines(
  context: CommandContext,
  sender: RecordSender,
  options: LineOptions,
  progress: Progress,
): Promise<void> {
  const { file, key: keyText } = options.values;
  const key = keyText === undefined ? null : flagBytes(keyText);
  if (file === undefined && context.terminal.stdinIsTerminal) {
    await context.output.error("Each line that you type is a record; Ctrl-D ends");
  }
  const chunks = file === undefined ? context.terminal.stdin() : readChunks(context.platform.disk, file);
  const splitter = new LineSplitter();
  let lineNumber = 0;
  const toRecord = (line: Uint8Array): FormedRecord => {
    lineNumber += 1;
    if (!options.json) return { record: { key, value: line, headers: options.headers } };
    const { record, ...more } = readJsonLine(line, lineNumber);
    return { ...more, record: { ...record, key: key ?? record.key, headers: [...record.headers, ...options.headers] } };
  };
  for await (const chunk of chunks) {
    for (const line of splitter.push(chunk)) {
      const wait = sender.add(toRecord(line));
      if (wait !== null) await wait;
    }
    sender.idle();
    progress.show(sender.acknowledged);
  }
  const last = splitter.end();
  if (last !== null) await sender.add(toRecord(last));
}

function readHeaders(pairs: readonly string[]): RecordHeader[] | null {
  const headers: RecordHeader[] = [];
  for (const pair of pairs) {
    const parts = splitPair(pair);
    if (parts === null) return null;
    headers.push({ key: parts[0], value: flagBytes(parts[1]) });
  }
  return headers;
}

/** A flag's text as bytes. Arguments that are not UTF-8 reach us with U+FFFD already. */
function flagBytes(value: string): Uint8Array {
  const bytes = encodeUtf8(value);
  if (bytes === null) throw new SentinelError("invalid_request", "an argument is not valid UTF-8");
  return bytes;
}
