import { deepEqual, equal, match } from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import {
  choice,
  describeFlags,
  flag,
  integer,
  nameOf,
  notBuilt,
  readArguments,
  settleFlags,
  text,
  textList,
  trueOrFalse,
  variableOf,
} from "../../src/cli/flags.ts";

const schema = z.object({
  topic: flag(text().default(""), { valueName: "TOPIC", help: "the topic" }),
  httpPort: flag(integer(0, 65_535).default(8080), { valueName: "PORT", help: "the HTTP port" }),
  partition: flag(integer(-1, 10).optional(), { valueName: "N", help: "the partition" }),
  fromBeginning: flag(trueOrFalse().default(false), { help: "from the start" }),
  header: flag(textList(), { valueName: "K=V", isList: true, help: "a header" }),
  acks: flag(choice(["all", "none"]).default("all"), { valueName: "WHO", help: "all or none" }),
  data: flag(text().optional(), { valueName: "DIR", environment: "SENTINEL_DEMO_DATA_DIR", help: "a directory" }),
  tlsCert: notBuilt("FILE"),
  insecure: notBuilt(),
});

function settle(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  config: Readonly<Record<string, unknown>> = {},
) {
  const given = readArguments(schema, args);
  if (given.kind !== "given") return given;
  return settleFlags(schema, given, { environment: new Map(Object.entries(environment)), config });
}

function values(...given: Parameters<typeof settle>): Record<string, unknown> {
  const answer = settle(...given);
  equal(answer.kind, "values", JSON.stringify(answer));
  return (answer as { values: Record<string, unknown> }).values;
}

function fault(...given: Parameters<typeof settle>): string {
  const answer = settle(...given);
  equal(answer.kind, "fault", JSON.stringify(answer));
  return (answer as { message: string }).message;
}

test("readArguments() takes one dash or two, and a value after = or a space", () => {
  for (const args of [["-topic", "t"], ["--topic", "t"], ["-topic=t"], ["--topic=t"]]) {
    equal(values(args)["topic"], "t");
  }
  for (const args of [["-http-port", "1"], ["--http-port=1"]]) equal(values(args)["httpPort"], 1);
  for (const args of [["-from-beginning"], ["--from-beginning"], ["-from-beginning=true"]]) {
    equal(values(args)["fromBeginning"], true);
  }
  equal(values(["-from-beginning=false"])["fromBeginning"], false);
});

test("readArguments() takes a value that begins with a dash, is empty, or has = in it", () => {
  equal(values(["-partition", "-1"])["partition"], -1);
  equal(values(["-topic", "--x"])["topic"], "--x");
  equal(values(["-topic="])["topic"], "");
  equal(values(["-topic", ""])["topic"], "");
  equal(values(["-topic=a=b\nc"])["topic"], "a=b\nc");
});

test("readArguments() keeps other arguments, and all of them after --", () => {
  const given = readArguments(schema, ["create", "-topic", "t", "name", "-", "--", "-topic", "x"]);
  deepEqual(given.kind === "given" && given.positionals, ["create", "name", "-", "-topic", "x"]);
});

test("readArguments() lets the last of two values win, and gathers those of a list", () => {
  equal(values(["-topic", "a", "-topic", "b"])["topic"], "b");
  deepEqual(values(["-header", "a=1", "--header=b=2"])["header"], ["a=1", "b=2"]);
  deepEqual(values([])["header"], []);
});

test("readArguments() refuses flags that it does not know, and values that are missing", () => {
  for (const name of ["x", "httpPort", "Topic", "tls_cert", "__proto__", "constructor", ""]) {
    equal(fault([`--${name}=1`]), `Unknown flag: -${name}`);
  }
  equal(fault(["-topic"]), "-topic needs a value");
});

test("readArguments() asks for help in each of its spellings", () => {
  for (const word of ["-h", "--h", "-help", "--help"]) equal(readArguments(schema, ["-topic", "t", word]).kind, "help");
});

test("a flag that is not built is refused by name, wherever it stands", () => {
  equal(fault(["--tls-cert", "f"]), "-tls-cert is not built yet");
  equal(fault(["--insecure"]), "-insecure is not built yet");
  equal(fault([], { SENTINEL_TLS_CERT: "f" }), "SENTINEL_TLS_CERT is not built yet");
  equal(fault([], {}, { "tls-cert": "f" }), "Setting tls-cert is not built yet");
});

test("settleFlags() prefers flag over environment over configuration file over default", () => {
  const environment = { SENTINEL_HTTP_PORT: "2" };
  const config = { "http-port": 3 };
  equal(values(["-http-port", "1"], environment, config)["httpPort"], 1);
  equal(values([], environment, config)["httpPort"], 2);
  equal(values([], {}, config)["httpPort"], 3);
  equal(values([])["httpPort"], 8080);
  equal(values([], { SENTINEL_DEMO_DATA_DIR: "d", SENTINEL_DATA: "no" })["data"], "d");
  deepEqual(values([], { SENTINEL_HEADER: "a=1,b=2" })["header"], ["a=1", "b=2"]);
  equal(values([], { SENTINEL_UNKNOWN: "x" })["topic"], "");
});

test("settleFlags() refuses unknown settings and values of another type in the configuration file", () => {
  match(fault([], {}, { port: 1 }), /Unknown setting in the configuration file: port/);
  match(fault([], {}, { httpPort: 1 }), /Unknown setting in the configuration file: httpPort/);
  equal(fault([], {}, { topic: 7 }), "-topic: 7 is not text");
  equal(fault([], {}, { "http-port": [] }), "-http-port: [] is not an integer");
  equal(values([], {}, { "from-beginning": true })["fromBeginning"], true);
});

test("settleFlags() takes integers at their bounds and refuses what is outside or no integer", () => {
  for (const good of ["0", "1", "65534", "65535"]) equal(values(["-http-port", good])["httpPort"], Number(good));
  equal(fault(["-http-port", "-1"]), "-http-port: -1 is below 0");
  equal(fault(["-http-port", "65536"]), "-http-port: 65536 is above 65535");
  for (const bad of ["", "1e3", "+5", " 5", "0x10", "1.5", "NaN", "99999999999999999"]) {
    equal(fault(["-http-port", bad]), `-http-port: ${bad} is not an integer`);
  }
});

test("settleFlags() refuses words that are no choice", () => {
  equal(fault(["-acks", "some"]), "-acks: some is not one of all, none");
  equal(fault(["-from-beginning=maybe"]), "-from-beginning: maybe is neither true nor false");
});

test("describeFlags() lists what is built, with defaults", () => {
  const lines = describeFlags(schema);
  match(lines, /^ {2}-http-port PORT +the HTTP port \(default 8080\)$/m);
  match(lines, /^ {2}-from-beginning +from the start$/m);
  equal(lines.includes("tls"), false);
});

test("nameOf() and variableOf() spell a flag's key", () => {
  equal(nameOf("shutdownTimeoutMs"), "shutdown-timeout-ms");
  equal(variableOf("shutdownTimeoutMs"), "SENTINEL_SHUTDOWN_TIMEOUT_MS");
});
