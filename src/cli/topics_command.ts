import { SentinelError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { NativeClient } from "../client/native_client.ts";
import type { DescribeTopicReply } from "../protocols/native/wire/replies.ts";
import { z } from "zod";
import { clientFlags, splitPair } from "./client_flags.ts";
import { type Command, type CommandContext, connectTo, EXIT_DONE, fail, readFlags, refuse } from "./command.ts";
import { flag, integer, text, textList, trueOrFalse } from "./flags.ts";
import { isLoopbackHost } from "../server/listen_rules.ts";

const topicsFlags = z.object({
  ...clientFlags,
  list: flag(trueOrFalse().default(false), { help: "list the topics; the same as: topics list" }),
  describe: flag(text().optional(), { valueName: "TOPIC", help: "show one topic; the same as: topics describe TOPIC" }),
  partitions: flag(integer(1, LIMITS.topicPartitionsMax).optional(), {
    valueName: "N",
    // The variables without more words are the server's, and must not alter a topic by accident.
    environment: "SENTINEL_TOPIC_PARTITIONS",
    help: "create, alter: how many partitions",
  }),
  replicas: flag(integer(-1, 32_767).optional(), {
    valueName: "N",
    environment: "SENTINEL_TOPIC_REPLICAS",
    help: "create: copies of each partition",
  }),
  config: flag(textList(), {
    valueName: "K=V",
    isList: true,
    environment: "SENTINEL_TOPIC_CONFIG",
    help: "create, alter: a setting, any number of times; K= returns to the default",
  }),
});

type TopicsFlags = z.output<typeof topicsFlags>;
type Action = "brokers" | "list" | "describe" | "create" | "alter" | "delete";

const ACTIONS: ReadonlySet<string> = new Set<Action>(["list", "describe", "create", "alter", "delete"]);

export const topicsCommand: Command = { name: "topics", summary: "List or manage topics", run };

async function run(context: CommandContext, args: readonly string[]): Promise<number> {
  const read = await readFlags(context, "topics", topicsFlags, args);
  if (typeof read === "number") return read;
  const { values, positionals } = read;
  const [word, topic, ...more] = positionals;
  if (word !== undefined && !ACTIONS.has(word)) return await refuse(context, `Error: unknown action ${word}`);
  const action = word as Action | undefined ??
    (values.describe !== undefined ? "describe" : values.list ? "list" : "brokers");
  const name = topic ?? values.describe;
  if (action !== "list" && action !== "brokers" && name === undefined) {
    return await refuse(context, `Error: topics ${action} needs a topic`);
  }
  if (more.length > 0) return await refuse(context, `Error: unexpected argument ${more[0]}`);
  const config = readConfig(values.config);
  if (config === null) return await refuse(context, "Error: -config is not of the form k=v");
  let client: NativeClient;
  try {
    client = await connectTo(context, values.broker);
  } catch (thrown) {
    return await fail(context, "Failed to fetch metadata", thrown);
  }
  try {
    await act(context, client, { action, name: name ?? "", values, config });
    await context.output.flush();
    return EXIT_DONE;
  } catch (thrown) {
    const what = action === "list" || action === "brokers" ? "fetch metadata" : `${action} topic`;
    return await fail(context, `Failed to ${what}`, thrown);
  } finally {
    client.close();
  }
}

interface Request {
  readonly action: Action;
  readonly name: string;
  readonly values: TopicsFlags;
  readonly config: Readonly<Record<string, string | null>>;
}

async function act(context: CommandContext, client: NativeClient, request: Request): Promise<void> {
  const { output } = context;
  const { action, name, values, config } = request;
  const { partitions, replicas } = values;
  const counts = { ...(partitions === undefined ? {} : { partitions }) };
  switch (action) {
    case "brokers": {
      const { brokers } = await client.metadata([]);
      output.line("Brokers:");
      for (const { id, host, port } of brokers) {
        // For people (facts 1.6); clients are told the address, which "localhost" does not always lead to.
        output.line(`  ${id}: ${isLoopbackHost(host) ? "localhost" : host}:${port}`);
      }
      return;
    }
    case "list": {
      const { topics } = await client.metadata();
      output.line("Topics:");
      for (const topic of topics) output.line(`  ${topic.name} (${topic.partitions.length} partitions)`);
      return;
    }
    case "describe":
      return describe(context, await client.describeTopic(name));
    case "create": {
      const created = await client.createTopic(name, {
        ...counts,
        ...(replicas === undefined ? {} : { replicas }),
        config: onlyTexts(config),
      });
      output.line(`✓ Created topic ${created.name} (${created.partitions} partitions)`);
      return;
    }
    case "alter":
      await client.alterTopic(name, { ...counts, config });
      output.line(`✓ Altered topic ${name}`);
      return;
    case "delete":
      await client.deleteTopic(name);
      output.line(`✓ Deleted topic ${name}`);
  }
}

/** The seeds' lines first, then what they did not have: settings, and where each partition begins and ends. */
function describe({ output }: CommandContext, topic: DescribeTopicReply): void {
  output.line("Topics:");
  output.line(`  ${topic.name} (${topic.partitions.length} partitions)`);
  for (const { partition, leader, replicas, isr } of topic.partitions) {
    output.line(`    partition=${partition} leader=${leader} replicas=[${replicas.join(" ")}] isr=[${isr.join(" ")}]`);
  }
  output.line("Offsets:");
  for (const { partition, start, end, highWatermark, bytes, offline, damaged } of topic.partitions) {
    const state = (offline === undefined ? "" : ` offline=${JSON.stringify(offline)}`) +
      (damaged === undefined ? "" : ` damaged=${JSON.stringify(damaged)}`);
    output.line(
      `    partition=${partition} start=${start} end=${end} high-watermark=${highWatermark} bytes=${bytes}${state}`,
    );
  }
  const settings = Object.entries(topic.config).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  if (settings.length === 0) return;
  output.line("Settings:");
  for (const [key, value] of settings) output.line(`    ${key}=${value}`);
}

function readConfig(pairs: readonly string[]): Record<string, string | null> | null {
  const config = new Map<string, string | null>();
  for (const pair of pairs) {
    const parts = splitPair(pair);
    if (parts === null) return null;
    config.set(parts[0], parts[1] === "" ? null : parts[1]);
  }
  return Object.fromEntries(config);
}

function onlyTexts(config: Readonly<Record<string, string | null>>): Record<string, string> {
  const texts = new Map<string, string>();
  for (const [key, value] of Object.entries(config)) {
    if (value === null) throw new SentinelError("invalid_config", `${key} has no value`);
    texts.set(key, value);
  }
  return Object.fromEntries(texts);
}
