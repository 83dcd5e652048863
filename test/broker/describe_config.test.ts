import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../../src/base/limits.ts";
import type { BrokerFacts } from "../../src/broker/broker_config.ts";
import { describeBrokerConfig, describeTopicConfig } from "../../src/broker/describe_config.ts";

const DEFAULTS = { durability: "interval", engine: "log", segmentBytesMin: LIMITS.segmentBytesMin } as const;

const FACTS: BrokerFacts = {
  nodeId: 7,
  dataPath: "/data",
  listens: { host: "::1", port: 9092 },
  advertised: { host: "broker.example", port: 19092 },
  autoCreate: true,
  partitionsDefault: 3,
  durability: "fsync",
  flushIntervalMs: 100,
  retentionCheckMs: 300_000,
};

test("describeTopicConfig() tells each value, where it comes from, and what it would be without", () => {
  const entries = describeTopicConfig({ "retention.bytes": "5", "retention.ms": "7" }, DEFAULTS);
  const entry = (name: string) => entries.find((candidate) => candidate.name === name)!;
  assert.deepEqual(
    { ...entry("retention.bytes"), documentation: "" },
    {
      name: "retention.bytes",
      value: "5",
      type: "long",
      source: "topic",
      isReadOnly: false,
      synonyms: [{ name: "retention.bytes", value: "5", source: "topic" }, {
        name: "log.retention.bytes",
        value: "-1",
        source: "default",
      }],
      documentation: "",
    },
  );
  assert.deepEqual(entry("retention.ms").synonyms, [{ name: "retention.ms", value: "7", source: "topic" }]);
  assert.deepEqual([entry("segment.ms").source, entry("segment.ms").synonyms], ["default", []]);
  // What the broker was started with is no default of Kafka's.
  assert.deepEqual([entry("durability").value, entry("durability").source], ["interval", "static-broker"]);
  const usual = describeTopicConfig({}, { ...DEFAULTS, durability: "fsync" }).find(({ name }) =>
    name === "durability"
  )!;
  assert.deepEqual([usual.value, usual.source], ["fsync", "default"]);
  assert.deepEqual([entry("preallocate").isReadOnly, entry("preallocate").source], [true, "default"]);
});

test("describeBrokerConfig() tells how the broker was started, and nothing that could be changed", () => {
  const entries = describeBrokerConfig(FACTS);
  const values = Object.fromEntries(entries.map(({ name, value, source }) => [name, [value, source]]));
  assert.deepEqual(values["node.id"], ["7", "static-broker"]);
  assert.deepEqual(values["listeners"], ["PLAINTEXT://[::1]:9092", "static-broker"]);
  assert.deepEqual(values["advertised.listeners"], ["PLAINTEXT://broker.example:19092", "static-broker"]);
  assert.deepEqual(values["num.partitions"], ["3", "static-broker"]);
  assert.deepEqual(values["auto.create.topics.enable"], ["true", "default"]);
  assert.deepEqual(values["message.max.bytes"], [String(LIMITS.batchBytesDefaultMax), "default"]);
  assert.deepEqual(values["log.retention.ms"], [null, "default"]);
  assert.deepEqual(entries.find(({ name }) => name === "num.partitions")!.synonyms, [
    { name: "num.partitions", value: "3", source: "static-broker" },
    { name: "num.partitions", value: "1", source: "default" },
  ]);
  const names = entries.map(({ name }) => name);
  assert.deepEqual(names, [...new Set(names)].sort());
  for (const entry of entries) {
    assert.ok(entry.isReadOnly && entry.documentation.length > 10, entry.name);
    // The value is what its first source says.
    assert.equal(entry.synonyms[0]?.value ?? null, entry.value, entry.name);
  }
  const before = describeBrokerConfig({ ...FACTS, listens: null, advertised: null });
  assert.deepEqual(
    before.filter(({ name }) => name.endsWith("listeners")).map(({ value }) => value),
    [null, null],
  );
});

test("a topic's defaults are what the broker's settings say", () => {
  const broker = new Map(describeBrokerConfig(FACTS).map(({ name, value }) => [name, value]));
  for (const { name, value, synonyms } of describeTopicConfig({}, { ...DEFAULTS, durability: "fsync" })) {
    for (const synonym of synonyms) {
      assert.equal(synonym.value, value, name);
      if (broker.has(synonym.name)) assert.equal(broker.get(synonym.name), value, name);
    }
  }
});
