import assert from "node:assert/strict";
import { test } from "node:test";
import { parseBenchArguments } from "../../bench/arguments.ts";

const NAMES = ["log-append", "http-produce", "soak"];
const parse = (...args: string[]) => parseBenchArguments(args, NAMES, ["soak"]);
const NOTHING = { workloads: [], isSmoke: false, isJson: false, outPath: null, tablePath: null };

test("parseBenchArguments() without arguments asks for nothing", () => {
  assert.deepEqual(parse(), NOTHING);
});

test("parseBenchArguments() takes names, flags and files in any order", () => {
  assert.deepEqual(parse("--json", "soak", "--out", "r.jsonl", "log-append"), {
    ...NOTHING,
    workloads: ["soak", "log-append"],
    isJson: true,
    outPath: "r.jsonl",
  });
  assert.deepEqual(parse("--table=r.jsonl"), { ...NOTHING, tablePath: "r.jsonl" });
});

test("parseBenchArguments() all leaves out what runs for minutes; --smoke alone is everything", () => {
  assert.deepEqual(parse("all"), { ...NOTHING, workloads: ["log-append", "http-produce"] });
  assert.deepEqual(parse("--smoke"), { ...NOTHING, workloads: NAMES, isSmoke: true });
  assert.deepEqual(parse("--smoke", "soak"), { ...NOTHING, workloads: ["soak"], isSmoke: true });
});

test("parseBenchArguments() names what is unknown", () => {
  assert.deepEqual(parse("log-apend"), { fault: "There is no workload log-apend" });
  assert.ok("fault" in parse("--fast"));
  assert.ok("fault" in parse("--out"));
});
