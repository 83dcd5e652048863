/** kcat over librdkafka, as Debian 12 ships them (1.7.1 and 2.0.2): what scripts on servers use. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { commandLine, peerAddress } from "../clients/broker_process.mjs";
import { CODECS, equal, freshName, hold, numbered, until } from "../clients/checks.mjs";
import { CannotRun, install, PARTITIONS_DEFAULT, runSuite } from "./suite.mjs";

const RUN_MS_MAX = 40_000;

/** kcat from Debian's packages, unpacked into the cache, or the one that is installed. */
function findKcat(cache) {
  const root = join(cache, "kcat");
  if (!existsSync(join(root, "usr/bin/kcat"))) {
    mkdirSync(root, { recursive: true });
    const packages = ["kcat", "librdkafka1", "libyajl2"];
    try {
      fetchPackages(packages, root);
    } catch (error) {
      if (!(error instanceof CannotRun)) throw error;
      install("apt-get", ["-qq", "update"]);
      fetchPackages(packages, root);
    }
  }
  const library = join(root, "usr/lib", readdirSync(join(root, "usr/lib")).find((name) => name.includes("linux-gnu")));
  return { command: join(root, "usr/bin/kcat"), env: { ...process.env, LD_LIBRARY_PATH: library } };
}

function fetchPackages(packages, root) {
  install("apt-get", ["-qq", "download", ...packages], { cwd: root });
  for (const file of readdirSync(root).filter((name) => name.endsWith(".deb"))) {
    install("dpkg-deb", ["-x", file, "."], { cwd: root });
  }
}

let kcat;
/** As input: the caller writes it. */
const PIPE = Symbol("written by the caller");

/** Runs kcat to its end. */
function run(args, input = null, mayEndBadly = false) {
  const child = start(args, input);
  return child.ended.then(({ code, out, errors }) => {
    if (code !== 0 && !mayEndBadly) {
      throw new Error(`kcat ${args.join(" ")} ended with ${code}: ${errors.trim().slice(-500)}`);
    }
    return out;
  });
}

function start(args, input = null) {
  const stdio = [input === null ? "ignore" : "pipe", "pipe", "pipe"];
  return watched(spawn(kcat.command, args, { env: kcat.env, stdio }), input);
}

/** What a program says, until it ends. */
function watched(child, input = null) {
  const texts = { out: "", errors: "" };
  child.stdout.setEncoding("utf8").on("data", (chunk) => texts.out += chunk);
  child.stderr.setEncoding("utf8").on("data", (chunk) => texts.errors += chunk);
  if (typeof input === "string") child.stdin.end(input);
  const timer = setTimeout(() => child.kill("SIGKILL"), RUN_MS_MAX);
  const ended = new Promise((resolve) =>
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code: code ?? signal, ...texts });
    })
  );
  return { child, ended, lines: () => texts.out.split("\n").slice(0, -1) };
}

const lines = (values) => values.map((value) => `${value}\n`).join("");
const linesOf = (text) => text.split("\n").slice(0, -1);

async function checkAll(clientRun, broker) {
  const b = ["-b", broker, "-m", "20"];
  const check = async (capability, what, body) => {
    try {
      await body();
      clientRun.add("ok", capability, what);
    } catch (error) {
      clientRun.add("failed", capability, `${what}: ${error.message}`);
    }
  };
  const produce = (topic, input, ...more) => run([...b, "-P", "-t", topic, ...more], input);
  const consume = async (topic, ...more) =>
    linesOf(await run([...b, "-C", "-t", topic, "-o", "beginning", "-e", "-q", ...more]));

  await check("produce", "keys, tombstones and empty values, in a topic that is created by it", async () => {
    const topic = freshName("kcat-shapes");
    await produce(topic, "a:1\nb:\n:3\nключ:значение\n", "-K", ":", "-Z", "-p", "0");
    equal(await consume(topic, "-f", "%o %K %k %S %s\\n"), [
      "0 1 a 1 1",
      "1 1 b -1 ",
      "2 -1  1 3",
      "3 8 ключ 16 значение",
    ]);
  });
  for (const acks of ["all", "1", "0"]) {
    await check("produce", `acks ${acks}`, async () => {
      const topic = freshName(`kcat-acks-${acks}`);
      await produce(topic, lines(numbered(1_000)), "-p", "0", "-X", `acks=${acks}`);
      await until(async () => (await consume(topic)).length === 1_000, "1,000 records");
      equal(await consume(topic), numbered(1_000));
    });
  }
  for (const codec of CODECS) {
    await check("codecs", codec, async () => {
      const topic = freshName(`kcat-codec-${codec}`);
      const values = numbered(2_000).map((value) => value.repeat(10));
      await produce(topic, lines(values), "-p", "0", "-z", codec);
      equal(await consume(topic), values);
    });
  }
  await check("headers", "several, of one name and empty", async () => {
    const topic = freshName("kcat-headers");
    await produce(topic, "v\n", "-p", "0", "-H", "one=1", "-H", "one=2", "-H", "empty=", "-H", "имя=значение");
    equal(await consume(topic, "-f", "%h\\n"), ["one=1,one=2,empty=,имя=значение"]);
  });
  await check("idempotent", "20,000 records, each once and in order", async () => {
    const topic = freshName("kcat-idempotent");
    await produce(topic, lines(numbered(20_000)), "-p", "0", "-X", "enable.idempotence=true", "-X", "linger.ms=2");
    equal(await consume(topic), numbered(20_000));
  });
  await check("offsets by time", "a query, and reading from and to a time", async () => {
    const topic = freshName("kcat-times");
    await produce(topic, lines(numbered(3)), "-p", "0");
    await new Promise((resolve) => setTimeout(resolve, 30));
    const betweenMs = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 30));
    await produce(topic, lines(numbered(3, 3)), "-p", "0");
    hold((await run([...b, "-Q", "-t", `${topic}:0:${betweenMs}`])).includes("offset 3"), "the query does not say 3");
    equal(linesOf(await run([...b, "-C", "-t", topic, "-p", "0", "-o", `s@${betweenMs}`, "-e", "-q"])), numbered(3, 3));
    hold((await run([...b, "-Q", "-t", `${topic}:0:-1`])).includes("offset 6"), "the end is not 6");
    equal(await consume(topic, "-o", "-2"), numbered(2, 4), "the last two");
  });
  await groupChecks(check, b, produce);
  await check("admin", "metadata as text and as JSON", async () => {
    const topic = freshName("kcat-list");
    await produce(topic, "a\n");
    const { brokers, topics, controllerid } = JSON.parse(await run([...b, "-L", "-J"]));
    equal(brokers.map(({ name }) => name), [broker], "brokers");
    equal(controllerid, brokers[0].id, "the controller");
    const found = topics.find((one) => one.topic === topic);
    equal(found.partitions.map(({ leader }) => leader), Array(PARTITIONS_DEFAULT).fill(controllerid), "leaders");
  });
  clientRun.add("none", "admin", "topics, settings, groups: kcat only lists");
}

async function groupChecks(check, b, produce) {
  const member = (group, topic, ...more) =>
    start([
      ...b,
      "-G",
      group,
      "-q",
      "-u",
      "-X",
      "auto.offset.reset=earliest",
      "-X",
      "heartbeat.interval.ms=300",
      "-X",
      "session.timeout.ms=10000",
      "-X",
      "auto.commit.interval.ms=200",
      ...more,
      topic,
    ]);
  await check("group", "commits are kept: the next member goes on after them", async () => {
    const [topic, group] = [freshName("kcat-group"), freshName("kcat-group")];
    for (const from of [0, 40]) {
      await produce(topic, lines(numbered(40, from)), "-p", "-1");
      const one = member(group, topic);
      await until(() => one.lines().length >= 40, () => `${one.lines().length} of 40 records`);
      one.child.kill("SIGTERM");
      const { out } = await one.ended;
      equal(linesOf(out).sort(), numbered(40, from).sort(), "what the member is given");
    }
  });
  await check("rebalance", "members come and go while a producer writes: no record is missed", async () => {
    const [topic, group] = [freshName("kcat-rebalance"), freshName("kcat-rebalance")];
    const count = 600;
    await produce(topic, lines(numbered(1)), "-p", "0");
    const members = [member(group, topic)];
    const seen = () => new Set(members.flatMap((one) => one.lines()));
    const writer = start([...b, "-P", "-t", topic, "-p", "-1", "-X", "linger.ms=5"], PIPE);
    for (let from = 1; from < count; from += 10) {
      writer.child.stdin.write(lines(numbered(Math.min(10, count - from), from)));
      await new Promise((resolve) => setTimeout(resolve, 40));
      if (from === 101 || from === 401) members.push(member(group, topic));
      if (from === 301) members[0].child.kill("SIGTERM");
    }
    writer.child.stdin.end();
    equal((await writer.ended).code, 0, "the producer's end");
    await until(() => seen().size === count, () => `${seen().size} of ${count} records`);
    for (const one of members) one.child.kill("SIGTERM");
    await Promise.all(members.map((one) => one.ended));
  });
  // Kafka has no other protocol.
  if (peerAddress() !== null) return;
  await check("rebalance", "beside sentinel consume in one group: each record once, each takes over", async () => {
    const [topic, group] = [freshName("kcat-mixed"), freshName("kcat-mixed")];
    await produce(topic, lines(numbered(1)), "-p", "0");
    const [program, ...first] = commandLine(process.env.SENTINEL_INTEROP_RUNTIME ?? "bun");
    const flags = ["-topic", topic, "-group", group, "-from-beginning", "-follow", "-raw", "-broker", b[1]];
    const native = () =>
      watched(spawn(program, [...first, "consume", ...flags], { stdio: ["ignore", "pipe", "pipe"] }));
    let produced = 1;
    const members = [];
    const seen = () => members.flatMap((one) => one.lines());
    /** Records until all of `sharing` have read some of them. */
    const untilShared = async (...sharing) => {
      const before = sharing.map((one) => one.lines().length);
      for (let round = 0; sharing.some((one, at) => one.lines().length === before[at]); round++) {
        hold(round < 150, "a member is given nothing");
        await produce(topic, lines(numbered(40, produced)), "-p", "-1");
        produced += 40;
        // A native member hears of a rebalance with its next heartbeat, which comes every 3.3 s.
        await new Promise((resolve) => setTimeout(resolve, 100));
        await until(() => seen().length >= produced, () => `${seen().length} of ${produced} records`);
      }
    };
    const join = (one) => {
      members.push(one);
      return one;
    };
    const one = join(member(group, topic));
    await untilShared(one);
    const two = join(native());
    await untilShared(one, two);
    one.child.kill("SIGTERM");
    await one.ended;
    await untilShared(two);
    const three = join(member(group, topic));
    await untilShared(two, three);
    two.child.kill("SIGTERM");
    equal((await two.ended).code, 0, "the native member's end");
    await untilShared(three);
    three.child.kill("SIGTERM");
    await three.ended;
    equal(seen().sort(), numbered(produced).sort(), "what all were given");
  });
}

await runSuite("kcat", {
  prepare(cache) {
    kcat = findKcat(cache);
    const text = install(kcat.command, ["-V"], { env: kcat.env });
    return { version: `${/Version (\S+)/.exec(text)[1]}, librdkafka ${/librdkafka (\S+)/.exec(text)[1]}` };
  },
  run: checkAll,
  codecs: Object.fromEntries(CODECS.map((codec) => [`kcat-codec-${codec}`, codec === "none" ? "none" : codec])),
});
