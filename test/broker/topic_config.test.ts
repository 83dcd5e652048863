import assert from "node:assert/strict";
import { test } from "node:test";
import { SentinelError } from "../../src/base/errors.ts";
import { LIMITS } from "../../src/base/limits.ts";
import { changedConfig } from "../../src/broker/config_change.ts";
import type { ConfigChange } from "../../src/broker/config_change.ts";
import { FIXED_TOPIC_SETTINGS } from "../../src/broker/fixed_topic_settings.ts";
import { normalizeTopicConfig, topicSettingFault, topicSettingRows } from "../../src/broker/topic_config.ts";

const DEFAULTS = { durability: "fsync", engine: "log", segmentBytesMin: LIMITS.segmentBytesMin } as const;
const fault = (name: string, value: string) => topicSettingFault(name, value, DEFAULTS);
const LONG_MAX = "9223372036854775807";

test("each integer setting is taken at its bounds and refused beside them, in Kafka's words", () => {
  const bounds: readonly (readonly [string, string, string, string, string])[] = [
    ["index.interval.bytes", "0", "2147483647", "Value must be at least 0", "Not a number of type INT"],
    [
      "max.message.bytes",
      "0",
      String(LIMITS.batchBytesMax),
      "Value must be at least 0",
      `Value must be no more than ${LIMITS.batchBytesMax}`,
    ],
    ["message.timestamp.after.max.ms", "0", LONG_MAX, "Value must be at least 0", "Not a number of type LONG"],
    ["message.timestamp.before.max.ms", "0", LONG_MAX, "Value must be at least 0", "Not a number of type LONG"],
    ["min.insync.replicas", "1", "1", "Value must be at least 1", "Value must be no more than 1"],
    ["retention.bytes", "-1", LONG_MAX, "Value must be at least -1", "Not a number of type LONG"],
    ["retention.ms", "-1", LONG_MAX, "Value must be at least -1", "Not a number of type LONG"],
    ["segment.bytes", "1048576", "2147483647", "Value must be at least 1048576", "Not a number of type INT"],
    ["segment.ms", "1", LONG_MAX, "Value must be at least 1", "Not a number of type LONG"],
  ];
  for (const [name, min, max, below, above] of bounds) {
    assert.equal(fault(name, min), null, name);
    assert.equal(fault(name, max), null, name);
    const [tooSmall, tooLarge] = [String(BigInt(min) - 1n), String(BigInt(max) + 1n)];
    assert.equal(fault(name, tooSmall), `Invalid value ${tooSmall} for configuration ${name}: ${below}`);
    assert.equal(fault(name, tooLarge), `Invalid value ${tooLarge} for configuration ${name}: ${above}`);
  }
});

test("numbers are read as Java reads them, and written in one way", () => {
  for (const value of ["5", " 5 ", "+5", "005", "\t5\n"]) {
    assert.deepEqual(normalizeTopicConfig({ "retention.ms": value }, DEFAULTS), { "retention.ms": "5" }, value);
  }
  assert.deepEqual(normalizeTopicConfig({ "retention.ms": "-0" }, DEFAULTS), { "retention.ms": "0" });
  for (const value of ["", " ", "five", "1.5", "1e3", "0x5", "5 5", "--5", "+-5", "9".repeat(41), "\u0665"]) {
    const words = `Invalid value ${value} for configuration retention.ms: Not a number of type LONG`;
    assert.equal(fault("retention.ms", value), words);
  }
});

test("an unknown setting, a wrong word and a list that is none are refused", () => {
  for (const name of ["no.such", "", "__proto__", "constructor", "flush.ms", "file.delete.delay.ms"]) {
    assert.equal(fault(name, "1"), `Unknown topic config name: ${name}`);
  }
  assert.equal(
    fault("message.timestamp.type", "x"),
    "Invalid value x for configuration message.timestamp.type: String must be one of: CreateTime, LogAppendTime",
  );
  assert.equal(fault("message.timestamp.type", "LogAppendTime"), null);
});

test("a setting that is fixed can be set to its default, is not stored then, and to nothing else", () => {
  for (const [name, { value }] of Object.entries(FIXED_TOPIC_SETTINGS)) {
    assert.equal(fault(name, value), null, name);
    assert.deepEqual(normalizeTopicConfig({ [name]: value }, DEFAULTS), {}, name);
    assert.equal(
      fault(name, `${value}1`),
      `Invalid value ${value}1 for configuration ${name}: This broker has it at ${JSON.stringify(value)} only`,
    );
  }
});

test("topicSettingRows() lists every setting once, sorted, documented, with a default that is allowed", () => {
  const rows = topicSettingRows(DEFAULTS);
  const names = rows.map(({ name }) => name);
  assert.deepEqual(names, [...new Set(names)].sort());
  for (const row of rows) {
    assert.ok(row.documentation.length > 10, row.name);
    assert.equal(fault(row.name, row.default), null, row.name);
  }
  assert.equal(rows.find(({ name }) => name === "durability")!.default, "fsync");
  assert.equal(rows.find(({ name }) => name === "cleanup.policy")!.type, "list");
  assert.equal(rows.find(({ name }) => name === "segment.bytes")!.type, "int");
  assert.equal(rows.find(({ name }) => name === "segment.ms")!.type, "long");
});

const changed = (
  current: Record<string, string>,
  changes: Record<string, ConfigChange>,
  replacesAll = false,
): Readonly<Record<string, string>> => changedConfig(current, { changes, replacesAll }, DEFAULTS);

test("changedConfig() sets, deletes, keeps what is not named, or replaces all", () => {
  const current = { "retention.ms": "1", "segment.ms": "2" };
  assert.deepEqual(changed(current, { "retention.ms": "5" }), { "retention.ms": "5", "segment.ms": "2" });
  assert.deepEqual(changed(current, { "retention.ms": null, "no.such": null }), { "segment.ms": "2" });
  assert.deepEqual(changed(current, { "retention.bytes": "5" }, true), { "retention.bytes": "5" });
  assert.deepEqual(changed(current, {}, true), {});
  assert.deepEqual(changed(current, {}), current);
});

test("changedConfig() adds to a list and takes from it, and from nothing else", () => {
  const policy = (current: Record<string, string>, change: ConfigChange) =>
    changed(current, { "cleanup.policy": change })["cleanup.policy"];
  assert.equal(policy({}, { append: "compact" }), "delete,compact");
  assert.equal(policy({}, { append: "delete" }), "delete");
  assert.equal(policy({}, { append: " compact , delete ,, compact" }), "delete,compact");
  assert.equal(policy({}, { subtract: "compact" }), "delete");
  assert.equal(policy({ "cleanup.policy": "compact,delete" }, { subtract: "delete" }), "compact");
  assert.equal(policy({}, { subtract: "delete" }), "");
  for (const [verb, change] of [["APPEND", { append: "1" }], ["SUBTRACT", { subtract: "1" }]] as const) {
    for (const name of ["retention.ms", "no.such", "message.timestamp.type"]) {
      assert.throws(
        () => changed({}, { [name]: change }),
        (thrown) =>
          thrown instanceof SentinelError && thrown.code === "invalid_config" &&
          thrown.message === `Can't ${verb} to key ${name} because its type is not LIST.`,
      );
    }
  }
});
