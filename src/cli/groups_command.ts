import { SentinelError } from "../base/errors.ts";
import type { Offset, PartitionId } from "../base/ids.ts";
import type { NativeClient } from "../client/native_client.ts";
import type { DescribeGroupReply } from "../protocols/native/wire/group_messages.ts";
import { z } from "zod";
import { clientFlags, partitionNumber } from "./client_flags.ts";
import { type Command, type CommandContext, connectTo, EXIT_DONE, fail, readFlags, refuse } from "./command.ts";
import { flag, text, trueOrFalse } from "./flags.ts";
import { parseStart, resolveStart, type Start } from "./start_offset.ts";

const groupsFlags = z.object({
  ...clientFlags,
  topic: flag(text().optional(), {
    valueName: "TOPIC",
    environment: "SENTINEL_GROUP_TOPIC",
    help: "reset: the topic whose offsets are set",
  }),
  partition: flag(partitionNumber.optional(), {
    valueName: "N",
    environment: "SENTINEL_GROUP_PARTITION",
    help: "reset: only this partition",
  }),
  to: flag(text().optional(), {
    valueName: "WHERE",
    help: "reset: an offset, earliest, latest, or @MS: the first record at or after a time",
  }),
  dryRun: flag(trueOrFalse().default(false), { help: "reset: show what would be set, and set nothing" }),
});

type GroupsFlags = z.output<typeof groupsFlags>;

const ACTIONS: ReadonlySet<string> = new Set(["list", "describe", "reset", "delete"]);
type Action = "list" | "describe" | "reset" | "delete";

export const groupsCommand: Command = { name: "groups", summary: "List or manage consumer groups", run };

interface Request {
  readonly action: Action;
  readonly group: string;
  readonly values: GroupsFlags;
  /** Of a reset. */
  readonly start: Start | null;
}

async function run(context: CommandContext, args: readonly string[]): Promise<number> {
  const read = await readFlags(context, "groups", groupsFlags, args);
  if (typeof read === "number") return read;
  const { values, positionals } = read;
  const [word = "list", group, ...more] = positionals;
  if (!ACTIONS.has(word)) return await refuse(context, `Error: unknown action ${word}`);
  const action = word as Action;
  if (action !== "list" && group === undefined) return await refuse(context, `Error: groups ${action} needs a group`);
  if (more.length > 0) return await refuse(context, `Error: unexpected argument ${more[0]}`);
  let start: Start | null = null;
  if (action === "reset") {
    if (values.topic === undefined) return await refuse(context, "Error: groups reset needs -topic");
    start = values.to === undefined ? null : parseStart(values.to);
    if (start === null) {
      const what = values.to === undefined ? "groups reset needs -to" : `-to ${values.to} is none of these`;
      return await refuse(context, `Error: ${what}: a number, earliest, latest or @MS`);
    }
  }
  let client: NativeClient;
  try {
    client = await connectTo(context, values.broker);
  } catch (thrown) {
    return await fail(context, `Failed to ${action} group${action === "list" ? "s" : ""}`, thrown);
  }
  try {
    await act(context, client, { action, group: group ?? "", values, start });
    await context.output.flush();
    return EXIT_DONE;
  } catch (thrown) {
    return await fail(context, `Failed to ${action} group${action === "list" ? "s" : ""}`, thrown);
  } finally {
    client.close();
  }
}

async function act(context: CommandContext, client: NativeClient, request: Request): Promise<void> {
  const { output } = context;
  const { action, group } = request;
  switch (action) {
    case "list":
      output.line("Groups:");
      for (const each of await client.groups.list()) {
        output.line(`  ${each.group} (${each.state}${each.protocolType === "" ? "" : `, ${each.protocolType}`})`);
      }
      return;
    case "describe":
      return await describe(context, client, group);
    case "reset":
      return await reset(context, client, request);
    case "delete":
      await client.groups.delete(group);
      output.line(`✓ Deleted group ${group}`);
  }
}

/** As kafka-consumer-groups shows it: what is committed, what there is, and who has it. */
async function describe({ output }: CommandContext, client: NativeClient, group: string): Promise<void> {
  const description = await client.groups.describe(group);
  const { state, generation, protocol, members } = description;
  output.line(`Group ${group} (${state}, generation ${generation}${protocol === "" ? "" : `, ${protocol}`})`);
  const rows = [["TOPIC", "PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG", "CONSUMER-ID", "HOST", "CLIENT-ID"]];
  const committed = await client.groups.committed(group);
  const owners = ownersOf(description);
  const named = new Map([...committed, ...owners.values()].map((each) => [nameOf(each), each]));
  for (const [name, { topic, partition }] of [...named].sort(([, left], [, right]) => compare(left, right))) {
    const offset = committed.find((each) => nameOf(each) === name)?.offset;
    const end = await endOf(client, topic, partition);
    const lag = offset === undefined || end === null ? null : Math.max(0, end - offset);
    const owner = owners.get(name)?.member;
    rows.push([
      topic,
      String(partition),
      String(offset ?? "-"),
      String(end ?? "-"),
      String(lag ?? "-"),
      ...(owner === undefined ? ["-", "-", "-"] : [owner.memberId, owner.clientHost, owner.clientId]),
    ]);
  }
  for (const member of members.filter(({ partitions }) => partitions.length === 0)) {
    rows.push(["-", "-", "-", "-", "-", member.memberId, member.clientHost, member.clientId]);
  }
  writeTable(output, rows);
}

/** Sets positions of a group that nobody reads with now. What lies outside the log is set to its nearest end. */
async function reset({ output }: CommandContext, client: NativeClient, request: Request): Promise<void> {
  const { group, values, start } = request;
  const topic = values.topic ?? "";
  const { partitions } = await client.describeTopic(topic);
  const wanted = values.partition === undefined
    ? partitions
    : partitions.filter(({ partition }) => partition === values.partition);
  if (wanted.length === 0) {
    throw new SentinelError("unknown_partition", `Partition ${values.partition} does not exist (topic ${topic})`);
  }
  const listed = (await client.groups.list()).find((each) => each.group === group);
  if (listed !== undefined && listed.state !== "Empty") {
    throw new SentinelError("group_not_empty", `Group ${group} has members (${listed.state}): stop them first`);
  }
  const positions: { topic: string; partition: PartitionId; offset: Offset }[] = [];
  for (const { partition, start: first, highWatermark } of wanted) {
    const asked = await resolveStart(client, topic, partition, start ?? "latest");
    positions.push({ topic, partition, offset: Math.min(Math.max(asked, first), highWatermark) });
  }
  if (!values.dryRun) {
    const { offsets } = await client.groups.commit(group, positions);
    const failed = offsets.find(({ error }) => error !== undefined);
    if (failed !== undefined) {
      throw new SentinelError("invalid_request", `${topic}-${failed.partition} was not set: ${failed.error}`);
    }
  }
  const rows = positions.map((each) => [group, topic, String(each.partition), String(each.offset)]);
  writeTable(output, [["GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"], ...rows]);
}

interface Owned {
  readonly topic: string;
  readonly partition: PartitionId;
  readonly member: DescribeGroupReply["members"][number];
}

function ownersOf({ members }: DescribeGroupReply): Map<string, Owned> {
  return new Map(
    members.flatMap((member) =>
      member.partitions.map(({ topic, partition }) =>
        [nameOf({ topic, partition }), { topic, partition, member }] as const
      )
    ),
  );
}

/** The end of a partition, or null where there is none to be had. */
async function endOf(client: NativeClient, topic: string, partition: PartitionId): Promise<Offset | null> {
  try {
    return (await client.offsets(topic, partition, "latest")).offset;
  } catch (thrown) {
    if (thrown instanceof SentinelError) return null;
    throw thrown;
  }
}

function nameOf({ topic, partition }: { readonly topic: string; readonly partition: PartitionId }): string {
  return `${topic}-${partition}`;
}

function compare(
  left: { readonly topic: string; readonly partition: PartitionId },
  right: { readonly topic: string; readonly partition: PartitionId },
): number {
  if (left.topic !== right.topic) return left.topic < right.topic ? -1 : 1;
  return left.partition - right.partition;
}

/** Columns as wide as their widest cell. */
function writeTable(output: CommandContext["output"], rows: readonly (readonly string[])[]): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  for (const row of rows) output.line(row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd());
}
