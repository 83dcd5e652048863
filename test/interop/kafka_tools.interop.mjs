/** Kafka's own command-line tools, as administrators run them. */
import { spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ROOT } from "../../tools/paths.mjs";
import { equal, freshName, hold, numbered } from "../clients/checks.mjs";
import { groupCommandChecks, linesOf } from "./kafka_group_tools.mjs";
import { JAVA_FLAGS, kafkaClassPath } from "./kafka_libraries.mjs";
import { install, runSuite } from "./suite.mjs";

const PROGRAM = join(ROOT, "test/interop/programs/KafkaTools.java");
const TOOLS = "org.apache.kafka.tools";

/** One JVM that runs the tools that it is told to. */
class ToolRunner {
  #child;
  #answers;

  constructor(classPath) {
    this.#child = spawn("java", [...JAVA_FLAGS, "-cp", classPath, "KafkaTools"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Its standard output. Throws when it does not end with `code`. */
  async run(tool, args, { input = "", code = 0 } = {}) {
    const name = tool.includes(".") ? tool : `${TOOLS}.${tool}`;
    this.#child.stdin.write(`${[name, Buffer.from(input).toString("base64"), ...args].join("\t")}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error("the JVM has ended");
    const [ended, out, errors] = value.split("\t");
    const texts = [out, errors].map((text) => Buffer.from(text, "base64").toString("utf8"));
    if (Number(ended) !== code) {
      throw new Error(`${tool} ended with ${ended}: ${texts.join(" ").trim().replace(/\s+/g, " ").slice(0, 500)}`);
    }
    return texts[0];
  }

  stop() {
    this.#child.stdin.end();
  }
}

function checksOf(clientRun) {
  return async (capability, what, body) => {
    try {
      await body();
      clientRun.add("ok", capability, what);
    } catch (error) {
      clientRun.add("failed", capability, `${what}: ${error.message.replace(/\s+/g, " ")}`);
    }
  };
}

async function topicTools(check, tool, at) {
  const topic = freshName("tools-topic");
  await check("admin", "TopicCommand: create, list, describe, grow, refuse a second", async () => {
    const config = ["--config", "retention.ms=123456"];
    await tool("TopicCommand", [...at, "--create", "--topic", topic, "--partitions", "3", ...config]);
    hold(linesOf(await tool("TopicCommand", [...at, "--list"])).includes(topic), "not listed");
    await tool("TopicCommand", [...at, "--alter", "--topic", topic, "--partitions", "5"]);
    const text = await tool("TopicCommand", [...at, "--describe", "--topic", topic]);
    hold(/PartitionCount: 5\b/.test(text) && /ReplicationFactor: 1\b/.test(text), text);
    hold(/Configs: .*retention.ms=123456/.test(text), text);
    equal(linesOf(text).filter((line) => /Partition: \d+\s+Leader: \d+/.test(line)).length, 5, "lines of partitions");
    await tool("TopicCommand", [...at, "--create", "--topic", topic], { code: 1 });
    await tool("TopicCommand", [...at, "--create", "--if-not-exists", "--topic", topic]);
  });
  await check("admin", "ConfigCommand: describe, set, delete", async () => {
    const entity = ["--entity-type", "topics", "--entity-name", topic];
    const describe = () => tool("kafka.admin.ConfigCommand", [...at, ...entity, "--describe"]);
    hold((await describe()).includes("retention.ms=123456"), "the value at the start");
    await tool("kafka.admin.ConfigCommand", [...at, ...entity, "--alter", "--add-config", "retention.ms=654321"]);
    hold((await describe()).includes("retention.ms=654321"), "the new value");
    await tool("kafka.admin.ConfigCommand", [...at, ...entity, "--alter", "--delete-config", "retention.ms"]);
    hold(!(await describe()).includes("retention.ms=654321"), "the value after its deletion");
    const broker = ["--entity-type", "brokers", "--entity-name", "1", "--all"];
    hold(
      (await tool("kafka.admin.ConfigCommand", [...at, ...broker, "--describe"])).includes("log.retention"),
      "the broker's",
    );
    await tool("TopicCommand", [...at, "--delete", "--topic", topic]);
  });
}

async function clusterTools(check, tool, at) {
  const topic = freshName("tools-cluster");
  await tool("TopicCommand", [...at, "--create", "--topic", topic, "--partitions", "1"]);
  await check(
    "admin",
    "LeaderElectionCommand, ReassignPartitionsCommand, ClusterTool, ClientMetricsCommand",
    async () => {
      const elected = await tool("LeaderElectionCommand", [
        ...at,
        "--election-type",
        "preferred",
        "--topic",
        topic,
        "--partition",
        "0",
      ]);
      hold(elected.includes(`Valid replica already elected for partitions ${topic}-0`), elected);
      const moves = await tool(`${TOOLS}.reassign.ReassignPartitionsCommand`, [...at, "--list"]);
      hold(moves.includes("No partition reassignments found."), moves);
      hold(/Cluster ID: \S{22}/.test(await tool("ClusterTool", ["cluster-id", ...at])), "no cluster id");
      equal((await tool("ClientMetricsCommand", [...at, "--list"])).trim(), "", "client metrics");
    },
  );
  await check("admin", "ConfigCommand: what is wrong is refused, quotas are none", async () => {
    const ofTopic = [...at, "--entity-type", "topics", "--entity-name", topic];
    await tool("kafka.admin.ConfigCommand", [...ofTopic, "--alter", "--add-config", "retention.ms=x"], { code: 1 });
    const ofBroker = [...at, "--entity-type", "brokers", "--entity-name", "1"];
    await tool("kafka.admin.ConfigCommand", [...ofBroker, "--alter", "--add-config", "num.partitions=4"], { code: 1 });
    const quotas = await tool("kafka.admin.ConfigCommand", [...at, "--entity-type", "clients", "--describe"]);
    equal(quotas.trim(), "", "quotas");
  });
  await check("admin", "AclCommand: there is no authorizer", async () => {
    await tool("AclCommand", [...at, "--list"], { code: 1 });
    await tool("TopicCommand", [...at, "--delete", "--topic", topic]);
  });
}

async function recordTools(check, tool, at) {
  const topic = freshName("tools-records");
  await tool("TopicCommand", [...at, "--create", "--topic", topic, "--partitions", "1"]);
  await check("produce", "ConsoleProducer with keys, ConsoleConsumer", async () => {
    const input = numbered(100).map((value, index) => `k${index}:${value}\n`).join("");
    const keyed = ["--reader-property", "parse.key=true", "--reader-property", "key.separator=:"];
    await tool("ConsoleProducer", [...at, "--topic", topic, ...keyed], { input });
    const show = ["--formatter-property", "print.key=true", "--formatter-property", "print.offset=true"];
    const text = await tool(`${TOOLS}.consumer.ConsoleConsumer`, [
      ...at,
      "--topic",
      topic,
      "--from-beginning",
      "--max-messages",
      "100",
      "--timeout-ms",
      "20000",
      ...show,
    ]);
    equal(linesOf(text), numbered(100).map((value, index) => `Offset:${index}\tk${index}\t${value}`));
  });
  await check("headers", "ConsoleProducer and ConsoleConsumer", async () => {
    const withHeaders = freshName("tools-headers");
    const parse = ["--reader-property", "parse.headers=true"];
    await tool("ConsoleProducer", [...at, "--topic", withHeaders, ...parse], { input: "one:1,two:2\tvalue\n" });
    const show = ["--formatter-property", "print.headers=true"];
    const text = await tool(`${TOOLS}.consumer.ConsoleConsumer`, [
      ...at,
      "--topic",
      withHeaders,
      "--from-beginning",
      "--max-messages",
      "1",
      "--timeout-ms",
      "20000",
      ...show,
    ]);
    equal(linesOf(text), ["one:1,two:2\tvalue"]);
  });
  await check("admin", "GetOffsetShell and DeleteRecordsCommand", async () => {
    const offsets = async (time) => (await tool("GetOffsetShell", [...at, "--topic", topic, "--time", time])).trim();
    equal(await offsets("latest"), `${topic}:0:100`, "the end");
    const partitions = [{ topic, partition: 0, offset: 40 }];
    const file = join(process.env.SENTINEL_INTEROP_CACHE, `${topic}.json`);
    writeFileSync(file, JSON.stringify({ version: 1, partitions }));
    hold((await tool("DeleteRecordsCommand", [...at, "--offset-json-file", file])).includes("low_watermark: 40"), "40");
    rmSync(file);
    equal(await offsets("earliest"), `${topic}:0:40`, "the start");
  });
  await check("offsets by time", "GetOffsetShell", async () => {
    const at0 = (await tool("GetOffsetShell", [...at, "--topic", topic, "--time", "0"])).trim();
    equal(at0, `${topic}:0:40`, "since 1970");
    equal(
      (await tool("GetOffsetShell", [...at, "--topic", topic, "--time", "max-timestamp"])).trim().split(":")[1],
      "0",
    );
  });
  await check("admin", "BrokerApiVersionsCommand and LogDirsCommand", async () => {
    const text = await tool("BrokerApiVersionsCommand", at);
    hold(/Produce\(0\): 0 to \d+ \[usable: \d+\]/.test(text), text.slice(0, 300));
    equal(
      linesOf(text).filter((line) => /UNSUPPORTED/.test(line) && /\((?:[0-3]|8|9|1[0-689]|2[0-2])\)/.test(line)),
      [],
    );
    hold(
      (await tool("LogDirsCommand", [...at, "--describe", "--topic-list", topic])).includes(`${topic}-0`),
      "log dirs",
    );
  });
}

async function groupTools(check, tool, at, classPath) {
  const [topic, group] = [freshName("tools-group"), freshName("tools-group")];
  await tool("TopicCommand", [...at, "--create", "--topic", topic, "--partitions", "1"]);
  await check("idempotent", "VerifiableProducer: 5,000 acknowledged records", async () => {
    // It tells of the last acknowledgements while the JVM ends.
    const args = [...at, "--topic", topic, "--max-messages", "5000", "--acks", "-1"];
    const text = install("java", [...JAVA_FLAGS, "-cp", classPath, `${TOOLS}.VerifiableProducer`, ...args]);
    const acknowledged = linesOf(text).filter((line) => line.includes('"producer_send_success"'));
    equal(acknowledged.length, 5000, "acknowledged");
  });
  await check("group", "VerifiableConsumer reads and commits them", async () => {
    const args = [...at, "--topic", topic, "--group-id", group, "--max-messages", "5000", "--session-timeout", "10000"];
    const events = linesOf(await tool("VerifiableConsumer", [...args, "--reset-policy", "earliest"]))
      .filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
    const consumed = events.filter(({ name }) => name === "records_consumed").reduce(
      (sum, { count }) => sum + count,
      0,
    );
    hold(consumed >= 5000, `${consumed} are consumed`);
    hold(events.filter(({ name }) => name === "offsets_committed").every(({ success }) => success), "a commit failed");
  });
}

async function performanceTools(check, tool, at, address) {
  const topic = freshName("tools-performance");
  await tool("TopicCommand", [...at, "--create", "--topic", topic, "--partitions", "3"]);
  for (const codec of ["none", "gzip", "snappy", "lz4", "zstd"]) {
    await check("codecs", `ProducerPerformance with ${codec}`, async () => {
      const props = [`bootstrap.servers=${address}`, `compression.type=${codec}`, "acks=all"];
      const args = ["--topic", topic, "--num-records", "10000", "--record-size", "200", "--throughput", "-1"];
      const text = await tool("ProducerPerformance", [...args, "--command-property", ...props]);
      hold(/10000 records sent/.test(text), text.slice(0, 300));
    });
  }
  await check("codecs", "ConsumerPerformance reads all five", async () => {
    const text = await tool("ConsumerPerformance", [
      ...at,
      "--topic",
      topic,
      "--num-records",
      "50000",
      "--timeout",
      "20000",
    ]);
    const row = linesOf(text).at(-1).split(",").map((cell) => cell.trim());
    hold(Number(row[4]) >= 50_000, text);
  });
  await check("produce", "EndToEndLatency: 200 records there and back", async () => {
    const args = ["--bootstrap-server", address, "--topic", topic, "--num-records", "200"];
    const text = await tool("EndToEndLatency", [...args, "--producer-acks", "all", "--record-size", "100"]);
    hold(/Percentiles/.test(text), text.slice(0, 300));
  });
}

await runSuite("Kafka's tools", {
  prepare(cache) {
    const classPath = kafkaClassPath(cache);
    const classes = join(cache, "classes");
    install("javac", ["-cp", classPath, "-d", classes, PROGRAM]);
    const text = install("java", [...JAVA_FLAGS, "-cp", classPath, `${TOOLS}.TopicCommand`, "--version"]);
    return { version: text.trim().split(" ")[0], classPath: `${classes}:${classPath}` };
  },
  async run(clientRun, address, { classPath }) {
    const runner = new ToolRunner(classPath);
    const check = checksOf(clientRun);
    const tool = (...args) => runner.run(...args);
    const at = ["--bootstrap-server", address];
    try {
      await topicTools(check, tool, at);
      await clusterTools(check, tool, at);
      await recordTools(check, tool, at);
      await groupTools(check, tool, at, classPath);
      await groupCommandChecks(check, tool, at, address);
      await performanceTools(check, tool, at, address);
    } catch (error) {
      clientRun.add("failed", "admin", error.message);
    }
    runner.stop();
  },
});
