import type { Offset, PartitionId } from "../base/ids.ts";
import type { NativeClient } from "../client/native_client.ts";
import { z } from "zod";
import { clientFlags, partitionNumber, TOPIC_REQUIRED, topicFlag } from "./client_flags.ts";
import {
  type Command,
  type CommandContext,
  connectTo,
  describeError,
  EXIT_DONE,
  EXIT_FAILED,
  fail,
  readFlags,
  refuse,
} from "./command.ts";
import { flag, integer, notBuilt, text, trueOrFalse } from "./flags.ts";
import { PartitionReader } from "./partition_reader.ts";
import { Progress } from "./progress.ts";
import { type RecordForm, writeRecord } from "./record_lines.ts";

const consumeFlags = z.object({
  ...clientFlags,
  topic: topicFlag,
  partition: flag(partitionNumber.optional(), { valueName: "N", help: "the partition; without it, all of them" }),
  offset: flag(text().default("earliest"), {
    valueName: "WHERE",
    help: "an offset, earliest, latest, or @MS: the first record at or after a time",
  }),
  fromBeginning: flag(trueOrFalse().default(false), { help: "read from the first record, whatever -offset says" }),
  maxMessages: flag(integer(1, Number.MAX_SAFE_INTEGER).optional(), {
    valueName: "N",
    help: "stop after so many; default 100, with -follow, -raw or -json no bound",
  }),
  follow: flag(trueOrFalse().default(false), { help: "wait for new records in place of ending at the log's end" }),
  json: flag(trueOrFalse().default(false), { help: "each record as the HTTP API has it, one line of JSON" }),
  raw: flag(trueOrFalse().default(false), { help: "values only, each with a line feed" }),
  group: notBuilt("GROUP"),
});

type ConsumeFlags = z.output<typeof consumeFlags>;
type Start = Offset | "earliest" | "latest" | { readonly atMs: number };

const RULE = "-".repeat(60);
const MESSAGES_DEFAULT = 100;
const TIMEOUT_MS = 30_000;

export const consumeCommand: Command = { name: "consume", summary: "Read messages from a topic", run };

async function run(context: CommandContext, args: readonly string[]): Promise<number> {
  const read = await readFlags(context, "consume", consumeFlags, args);
  if (typeof read === "number") return read;
  const { values, positionals } = read;
  if (values.topic === "") return await refuse(context, TOPIC_REQUIRED);
  if (positionals.length > 0) return await refuse(context, `Error: unexpected argument ${positionals[0]}`);
  if (values.json && values.raw) return await refuse(context, "Error: -json and -raw exclude each other");
  if (values.partition === -1) {
    return await refuse(context, "Error: -partition -1 is below 0; leave it out for all partitions");
  }
  const start = values.fromBeginning ? "earliest" : parseStart(values.offset);
  if (start === null) {
    return await refuse(context, `Error: -offset ${values.offset} is not a number, earliest, latest or @MS`);
  }
  let client: NativeClient;
  try {
    client = await connectTo(context, values.broker, { requestTimeoutMs: TIMEOUT_MS });
  } catch (thrown) {
    return await fail(context, "Failed to consume", thrown);
  }
  try {
    return await new Consumption(context, client, values, start).run();
  } finally {
    client.close();
  }
}

function parseStart(where: string): Start | null {
  if (where === "earliest" || where === "latest") return where;
  const match = /^(@?)(\d{1,16})$/.exec(where);
  if (match === null) return null;
  const number = Number(match[2]);
  if (!Number.isSafeInteger(number)) return null;
  return match[1] === "@" ? { atMs: number } : number;
}

/** One run of the command: heading, records, footer. */
class Consumption {
  readonly #context: CommandContext;
  readonly #client: NativeClient;
  readonly #values: ConsumeFlags;
  readonly #start: Start;
  readonly #form: RecordForm;
  readonly #messagesMax: number;
  readonly #progress: Progress;
  #consumed = 0;
  #isStopped = false;

  constructor(context: CommandContext, client: NativeClient, values: ConsumeFlags, start: Start) {
    this.#context = context;
    this.#client = client;
    this.#values = values;
    this.#start = start;
    this.#form = values.json ? "json" : values.raw ? "raw" : "lines";
    const isUnbounded = values.follow || values.json || values.raw;
    this.#messagesMax = values.maxMessages ?? (isUnbounded ? Infinity : MESSAGES_DEFAULT);
    this.#progress = new Progress(context.terminal, context.platform.clock, "records");
  }

  async run(): Promise<number> {
    const { output, terminal } = this.#context;
    const cancelStop = terminal.onStop(() => {
      this.#isStopped = true;
      // Ends the waits; the footer is still printed.
      this.#client.close();
    });
    let exitCode = EXIT_DONE;
    let hasHeading = false;
    try {
      const partitions = await this.#partitions();
      const readers = await Promise.all(partitions.map((partition) => this.#open(partition)));
      this.#heading(readers);
      hasHeading = true;
      await output.flush();
      await this.#readAll(readers);
    } catch (thrown) {
      if (!this.#isStopped) {
        if (!hasHeading) this.#heading([]);
        await this.#progress.end();
        await output.error(`Error receiving: ${describeError(thrown)}`);
        exitCode = EXIT_FAILED;
      }
    }
    cancelStop();
    await this.#progress.end();
    this.#footer();
    await output.flush();
    return exitCode;
  }

  async #partitions(): Promise<readonly PartitionId[]> {
    const { topic, partition } = this.#values;
    if (partition !== undefined) return [partition];
    const description = await this.#client.describeTopic(topic);
    return description.partitions.map((one) => one.partition);
  }

  async #open(partition: PartitionId): Promise<PartitionReader> {
    const { topic, follow } = this.#values;
    const start = this.#start;
    // The end as of now: what comes later is not waited for (facts W2).
    const end = follow ? Infinity : (await this.#client.offsets(topic, partition, "latest")).offset;
    const next = typeof start === "number"
      ? start
      : (await this.#client.offsets(topic, partition, typeof start === "object" ? start.atMs : start)).offset;
    return new PartitionReader(this.#client, { topic, partition, next, end });
  }

  #heading(readers: readonly PartitionReader[]): void {
    if (this.#form !== "lines") return;
    const { topic, partition, offset, fromBeginning } = this.#values;
    const asked = fromBeginning ? "earliest" : offset;
    const what = readers.length > 1
      ? `${readers.length} partitions, ${typeof this.#start === "number" ? `offset ${asked}` : asked}`
      : `partition ${readers[0]?.partition ?? partition ?? 0}, offset ${
        readers[0]?.next ?? (asked === "earliest" ? 0 : asked)
      }`;
    this.#context.output.line(`Consuming from ${topic} (${what})...`);
    this.#context.output.line(RULE);
  }

  #footer(): void {
    if (this.#form !== "lines") return;
    this.#context.output.line(RULE);
    this.#context.output.line(`Consumed ${this.#consumed} message(s)`);
  }

  /** With an end, one partition after another; without one all at once, since each may wait for ever. */
  async #readAll(readers: readonly PartitionReader[]): Promise<void> {
    if (this.#values.follow) {
      await Promise.all(readers.map((reader) => this.#read(reader)));
      return;
    }
    for (const reader of readers) await this.#read(reader);
  }

  async #read(reader: PartitionReader): Promise<void> {
    const { output } = this.#context;
    const partition = reader.partition;
    while (!this.#isEnough()) {
      const records = await reader.read(this.#messagesMax - this.#consumed);
      if (records === null) return;
      for (const record of records) {
        if (this.#isEnough()) break;
        writeRecord(output, this.#form, record, partition);
        this.#consumed += 1;
      }
      if (this.#values.follow || output.isFull) await output.flush();
      if (!this.#context.terminal.stdoutIsTerminal) this.#progress.show(this.#consumed);
    }
    // The other partitions' waits must not hold up a command that has enough.
    if (this.#values.follow && !this.#isStopped) {
      this.#isStopped = true;
      this.#client.close();
    }
  }

  #isEnough(): boolean {
    return this.#isStopped || this.#consumed >= this.#messagesMax || this.#context.output.isReaderGone;
  }
}
