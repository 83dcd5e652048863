/** Kafka's ConsumerGroupCommand, as administrators use it: to see groups, move their offsets, and delete both. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";
import { ROOT } from "../../tools/paths.mjs";
import { equal, freshName, hold, numbered, until } from "../clients/checks.mjs";

const TOOLS = "org.apache.kafka.tools";
const COMMAND = `${TOOLS}.consumer.group.ConsumerGroupCommand`;
const RECORDS = 300;
const PARTITIONS = 3;

export const linesOf = (text) => text.split("\n").filter((line) => line !== "");

/** A table that the tool prints, as an object a row. Its columns are as wide as what is in them; an empty one is "". */
function rowsOf(text) {
  const lines = linesOf(text);
  const at = lines.findIndex((line) => /^(?:GROUP|TOPIC)\s/.test(line));
  if (at < 0) return [];
  const names = lines[at].trim().split(/\s+/);
  return lines.slice(at + 1).map((line) => {
    const cells = line.trim().split(/\s+/);
    return Object.fromEntries(names.map((name, column) => [name, cells[column] ?? ""]));
  });
}

/** What the checks of one run work with: a topic of known records, a group that has read them, and the tool. */
class GroupTools {
  topic = freshName("tools-group");
  other = freshName("tools-other");
  group = freshName("tools-group");
  #tool;
  #at;

  constructor(tool, at) {
    this.#tool = tool;
    this.#at = at;
  }

  command(args) {
    return this.#tool(COMMAND, [...this.#at, ...args]);
  }

  /** What it says where it does not do what it was asked; it ends with 0 after some of that, and with 1 after other. */
  async refusal(args) {
    const text = await this.command(args).catch(({ message }) => message);
    hold(/Error|does not exist|failed/i.test(text), `${args.join(" ")} was done: ${text}`);
    return text;
  }

  async create() {
    for (const topic of [this.topic, this.other]) {
      const args = ["--create", "--topic", topic, "--partitions", String(PARTITIONS)];
      await this.#tool("TopicCommand", [...this.#at, ...args]);
      const input = numbered(RECORDS).map((value, index) => `k${index}:${value}\n`).join("");
      const keyed = ["--reader-property", "parse.key=true", "--reader-property", "key.separator=:"];
      await this.#tool("ConsoleProducer", [...this.#at, "--topic", topic, ...keyed], { input });
      const read = ["--topic", topic, "--group", this.group, "--from-beginning", "--max-messages", String(RECORDS)];
      await this.#tool(`${TOOLS}.consumer.ConsoleConsumer`, [...this.#at, ...read, "--timeout-ms", "20000"]);
    }
  }

  /** The partitions that the group has offsets of, by the tool. */
  async offsets(topic = this.topic) {
    const rows = rowsOf(await this.command(["--describe", "--group", this.group, "--offsets"]));
    return rows.filter(({ TOPIC }) => TOPIC === topic)
      .sort((left, right) => Number(left.PARTITION) - Number(right.PARTITION));
  }

  /** The sum of a column over the partitions. */
  async sum(column, topic = this.topic) {
    return (await this.offsets(topic)).reduce((total, row) => total + Number(row[column]), 0);
  }

  /** Moves the offsets; what the tool says that they are now, by partition. */
  async reset(how, { scope = this.topic, mode = "--execute" } = {}) {
    const text = await this.command(["--reset-offsets", "--group", this.group, "--topic", scope, ...how, mode]);
    const rows = rowsOf(text).filter(({ GROUP, TOPIC }) => GROUP === this.group && TOPIC === this.topic);
    return Object.fromEntries(rows.map((row) => [row.PARTITION, Number(row["NEW-OFFSET"])]).sort());
  }

  /** What the group has, in the form of `reset`. */
  async current() {
    return Object.fromEntries((await this.offsets()).map((row) => [row.PARTITION, Number(row["CURRENT-OFFSET"])]));
  }
}

const total = (offsets) => Object.values(offsets).reduce((sum, offset) => sum + offset, 0);

export async function groupCommandChecks(check, tool, at, address) {
  const groups = new GroupTools(tool, at);
  await groups.create();
  await check("group", "ConsumerGroupCommand: list and describe, all forms", () => describeEmpty(groups));
  await check("group", "ConsumerGroupCommand: --reset-offsets, each way", () => resetEachWay(groups));
  await check("group", "ConsumerGroupCommand: a group with a member", () => withMember(groups, address));
  await check("group", "ConsumerGroupCommand: --delete-offsets and --delete", () => deleteAll(groups));
}

async function describeEmpty(groups) {
  const { group } = groups;
  hold(linesOf(await groups.command(["--list"])).includes(group), "not listed");
  for (const [column, value] of [["STATE", "Empty"], ["TYPE", "Classic"]]) {
    const rows = rowsOf(await groups.command(["--list", `--${column.toLowerCase()}`]));
    equal(rows.find(({ GROUP }) => GROUP === group)?.[column], value, column);
  }
  equal(await groups.sum("CURRENT-OFFSET"), RECORDS, "offsets");
  equal(await groups.sum("LOG-END-OFFSET"), RECORDS, "ends");
  equal(await groups.sum("LAG"), 0, "lag");
  const [state] = rowsOf(await groups.command(["--describe", "--group", group, "--state", "--verbose"]));
  equal(state?.GROUP, group, "the row of --state");
  hold(Object.values(state).includes("Empty"), `the state: ${JSON.stringify(state)}`);
  equal(rowsOf(await groups.command(["--describe", "--group", group, "--members", "--verbose"])), [], "members");
  const missing = await groups.refusal(["--describe", "--group", `${group}-none`]);
  hold(missing.includes("GroupIdNotFoundException"), `a group that is not there: ${missing}`);
}

async function resetEachWay(groups) {
  const zero = { 0: 0, 1: 0, 2: 0 };
  const ends = await groups.current();
  // What is not executed is told and not done.
  equal(await groups.reset(["--to-earliest"], { mode: "--dry-run" }), zero, "--dry-run");
  equal(await groups.current(), ends, "after --dry-run");
  const moves = [
    [["--to-earliest"], zero],
    [["--to-latest"], ends],
    [["--shift-by", "-7"], Object.fromEntries(Object.entries(ends).map(([at, end]) => [at, end - 7]))],
    [["--shift-by", "3"], Object.fromEntries(Object.entries(ends).map(([at, end]) => [at, end - 4]))],
    [["--shift-by", "-1000000"], zero],
    [["--to-offset", "5"], { 0: 5, 1: 5, 2: 5 }],
    [["--to-offset", "1000000"], ends],
    // All records are younger than a day, none is younger than now or than the year 2100.
    [["--by-duration", "P1D"], zero],
    [["--by-duration", "PT0S"], ends],
    [["--to-datetime", "2000-01-01T00:00:00.000"], zero],
    [["--to-datetime", "2100-01-01T00:00:00.000"], ends],
    [["--to-current"], ends],
  ];
  for (const [how, wanted] of moves) {
    equal(await groups.reset(how), wanted, how.join(" "));
    equal(await groups.current(), wanted, `described after ${how.join(" ")}`);
  }
  // One partition alone; the others stay.
  await groups.reset(["--to-earliest"], { scope: `${groups.topic}:1` });
  equal(await groups.current(), { ...ends, 1: 0 }, "one partition");
  equal(await groups.sum("LAG"), ends[1], "its lag");
  equal(await groups.sum("LAG", groups.other), 0, "the other topic's lag");
  const file = await groups.command([
    ...["--reset-offsets", "--group", groups.group, "--topic", groups.topic, "--to-latest", "--export"],
  ]);
  hold(linesOf(file).some((line) => /^"?tools-group\S*"?,0,\d+$/.test(line)), `--export: ${file}`);
  await groups.reset(["--to-earliest"]);
  equal(await groups.sum("LAG"), total(ends), "the lag at the end");
}

/** Beside a member that lives: what it has is shown, and nothing of what is its own is moved or deleted. */
async function withMember(groups, address) {
  const { group, topic } = groups;
  const program = join(ROOT, "test/clients/group_member.mjs");
  const member = spawn(process.execPath, [program, address, topic, group], { stdio: ["ignore", "pipe", "pipe"] });
  let lines = "";
  member.stdout.on("data", (chunk) => lines += chunk);
  const ended = once(member, "exit");
  try {
    await until(
      () => linesOf(lines).length >= RECORDS,
      () => `${linesOf(lines).length} of ${RECORDS} records are read`,
    );
    const [state] = rowsOf(await groups.command(["--describe", "--group", group, "--state", "--verbose"]));
    hold(Object.values(state).includes("Stable") && Object.values(state).includes("range"), JSON.stringify(state));
    const [one, ...others] = rowsOf(await groups.command(["--describe", "--group", group, "--members", "--verbose"]));
    equal(others, [], "other members");
    equal([one["CLIENT-ID"], one["#PARTITIONS"]], ["group-member", String(PARTITIONS)], "the member");
    equal(one["CURRENT-ASSIGNMENT"], `${topic}:0,1,2`, "its assignment");
    for (const row of await groups.offsets()) {
      equal([row["CONSUMER-ID"], row["CLIENT-ID"]], [one["CONSUMER-ID"], "group-member"], "who has a partition");
    }
    const toEarliest = ["--reset-offsets", "--group", group, "--topic", topic, "--to-earliest", "--execute"];
    const moved = await groups.refusal(toEarliest);
    hold(/inactive.*Stable/.test(moved), `--reset-offsets: ${moved}`);
    const deleted = await groups.refusal(["--delete", "--group", group]);
    hold(deleted.includes("GroupNotEmptyException"), `--delete: ${deleted}`);
    const subscribed = await groups.refusal(["--delete-offsets", "--group", group, "--topic", topic]);
    hold(/subscribed/.test(subscribed), `--delete-offsets: ${subscribed}`);
  } finally {
    member.kill("SIGTERM");
    await ended;
  }
  equal(await groups.sum("LAG"), 0, "the lag when it has left");
}

async function deleteAll(groups) {
  const { group, topic, other } = groups;
  const deleted = await groups.command(["--delete-offsets", "--group", group, "--topic", topic]);
  equal(rowsOf(deleted).map(({ STATUS }) => STATUS), ["Successful", "Successful", "Successful"], "--delete-offsets");
  equal((await groups.offsets()).length, 0, "offsets that are left");
  equal(await groups.sum("CURRENT-OFFSET", other), RECORDS, "the other topic's offsets");
  const text = await groups.command(["--delete", "--group", group]);
  hold(text.includes("Deletion of requested consumer groups"), text);
  hold(!linesOf(await groups.command(["--list"])).includes(group), "still listed");
  hold((await groups.refusal(["--delete", "--group", group])).includes("GroupIdNotFoundException"), "deleted again");
}
