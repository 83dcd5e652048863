import type { PartitionId } from "../base/ids.ts";
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
import { ConsumedRecords } from "./consumed_records.ts";
import { flag, integer, text, trueOrFalse } from "./flags.ts";
import { GroupConsumption } from "./group_consumption.ts";
import { PartitionReader } from "./partition_reader.ts";
import { parseStart, resolveStart, type Start } from "./start_offset.ts";

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
  group: flag(text().optional(), {
    valueName: "GROUP",
    help: "read as a member of a group, from where it has committed, and commit what was printed",
  }),
});

type ConsumeFlags = z.output<typeof consumeFlags>;

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
  if (values.group === "") return await refuse(context, "Error: -group is empty");
  if (values.group !== undefined && values.partition !== undefined) {
    return await refuse(context, "Error: -group and -partition exclude each other: the group gives out the partitions");
  }
  let client: NativeClient;
  try {
    client = await connectTo(context, values.broker, { requestTimeoutMs: TIMEOUT_MS });
  } catch (thrown) {
    return await fail(context, "Failed to consume", thrown);
  }
  try {
    const records = recordsOf(context, values);
    const { group, topic, follow } = values;
    return group === undefined
      ? await new Consumption(context, client, { values, start, records }).run()
      : await new GroupConsumption(context, client, { group, topic, start, follow }, records).run();
  } finally {
    client.close();
  }
}

function recordsOf(context: CommandContext, values: ConsumeFlags): ConsumedRecords {
  const isUnbounded = values.follow || values.json || values.raw;
  return new ConsumedRecords(context, {
    form: values.json ? "json" : values.raw ? "raw" : "lines",
    messagesMax: values.maxMessages ?? (isUnbounded ? Infinity : MESSAGES_DEFAULT),
  });
}

interface ConsumptionOptions {
  readonly values: ConsumeFlags;
  readonly start: Start;
  readonly records: ConsumedRecords;
}

/** One run of the command: heading, records, footer. */
class Consumption {
  readonly #context: CommandContext;
  readonly #client: NativeClient;
  readonly #values: ConsumeFlags;
  readonly #start: Start;
  readonly #records: ConsumedRecords;
  #isStopped = false;

  constructor(context: CommandContext, client: NativeClient, { values, start, records }: ConsumptionOptions) {
    this.#context = context;
    this.#client = client;
    this.#values = values;
    this.#start = start;
    this.#records = records;
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
        await this.#records.endProgress();
        await output.error(`Error receiving: ${describeError(thrown)}`);
        exitCode = EXIT_FAILED;
      }
    }
    cancelStop();
    await this.#records.footer();
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
    // The end as of now: what comes later is not waited for (facts W2).
    const end = follow ? Infinity : (await this.#client.offsets(topic, partition, "latest")).offset;
    const next = await resolveStart(this.#client, topic, partition, this.#start);
    return new PartitionReader(this.#client, { topic, partition, next, end });
  }

  #heading(readers: readonly PartitionReader[]): void {
    const { topic, partition, offset, fromBeginning } = this.#values;
    const asked = fromBeginning ? "earliest" : offset;
    const what = readers.length > 1
      ? `${readers.length} partitions, ${typeof this.#start === "number" ? `offset ${asked}` : asked}`
      : `partition ${readers[0]?.partition ?? partition ?? 0}, offset ${
        readers[0]?.next ?? (asked === "earliest" ? 0 : asked)
      }`;
    this.#records.heading(`Consuming from ${topic} (${what})...`);
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
    while (!this.#isEnough()) {
      const records = await reader.read(this.#records.wanted);
      if (records === null) return;
      // After a stop nothing more is printed than what was under way.
      if (this.#isEnough()) break;
      await this.#records.print(records, reader.partition, this.#values.follow);
    }
    // The other partitions' waits must not hold up a command that has enough.
    if (this.#values.follow && !this.#isStopped) {
      this.#isStopped = true;
      this.#client.close();
    }
  }

  #isEnough(): boolean {
    return this.#isStopped || this.#records.wanted <= 0;
  }
}
