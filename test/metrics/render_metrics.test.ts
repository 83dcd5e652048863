import assert from "node:assert/strict";
import { test } from "node:test";
import { escapeLabelValue, METRICS_PARTITIONS_MAX, renderMetrics } from "../../src/metrics/render_metrics.ts";
import { buildRecordBatch } from "../../src/records/build_batch.ts";
import { FakeBroker } from "../protocols/fake_broker.ts";

const EXTRA = { nowMonotonicMs: 12_345, activeConnections: 1 };

test("renderMetrics() gives the seed's families, texts and number formats", () => {
  const broker = new FakeBroker();
  Object.assign(broker.counters, {
    recordsProduced: 100,
    recordsConsumed: 50,
    bytesProduced: 10_000,
    bytesConsumed: 5_000,
    errors: 1,
  });
  broker.produceLatency.record(1.5);
  broker.produceLatency.record(2);
  const text = renderMetrics(broker, EXTRA);
  const seed = [
    ["sentinel_uptime_seconds", "gauge", "Time since server started", "12.35"],
    ["sentinel_messages_produced_total", "counter", "Total messages produced", "100"],
    ["sentinel_messages_consumed_total", "counter", "Total messages consumed", "50"],
    ["sentinel_bytes_produced_total", "counter", "Total bytes produced", "10000"],
    ["sentinel_bytes_consumed_total", "counter", "Total bytes consumed", "5000"],
    ["sentinel_errors_total", "counter", "Total errors", "1"],
    ["sentinel_active_connections", "gauge", "Current active connections", "1"],
    ["sentinel_produce_latency_ms", "gauge", "Average produce latency", "1.75"],
  ];
  const expected = seed.map(([name, type, help, value]) =>
    `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n\n`
  );
  assert.equal(text.slice(0, expected.join("").length), expected.join(""));
});

test("idempotency keys are shown as they are, and what was answered from them", () => {
  const broker = new FakeBroker();
  Object.assign(broker.counters, { idempotencyKeys: 7, idempotencyReplays: 3 });
  const text = renderMetrics(broker, EXTRA);
  assert.match(text, /^# TYPE sentinel_idempotency_keys gauge\nsentinel_idempotency_keys 7$/m);
  assert.match(text, /^# TYPE sentinel_idempotency_replays_total counter\nsentinel_idempotency_replays_total 3$/m);
});

test("lookups by key are counted, and an index shows how far it is behind", () => {
  const broker = new FakeBroker();
  Object.assign(broker.counters, { keyLookups: 9, keyLookupsFound: 4, keyIndexRebuilds: 2, keyIndexFailures: 1 });
  broker.indexes = [
    { topic: "a", partition: 0, appliedOffset: 7, highWatermark: 9 },
    { topic: "a", partition: 1, appliedOffset: -1, highWatermark: 5 },
  ];
  const text = renderMetrics(broker, EXTRA);
  const totals = ["lookups", "lookups_found", "index_rebuilds", "index_failures"].map((name) =>
    new RegExp(`^sentinel_key_${name}_total (\\d+)$`, "m").exec(text)?.[1]
  );
  assert.deepEqual(totals, ["9", "4", "2", "1"]);
  assert.match(text, /^sentinel_key_index_lag\{topic="a",partition="0"\} 2\n.+partition="1"\} 5\n\n/m);
  assert.match(text, /^sentinel_key_index_lags_not_shown 0$/m);
});

test("an average is absent before its first sample", () => {
  const text = renderMetrics(new FakeBroker(), EXTRA);
  assert.equal(text.includes("latency_ms"), false);
  assert.equal(text.includes("sentinel_partition_lag"), false);
});

test("histograms are cumulative, in seconds, and end with +Inf", () => {
  const broker = new FakeBroker();
  for (const ms of [0.05, 1, 3, 20_000]) broker.fetchLatency.record(ms);
  const lines = renderMetrics(broker, EXTRA).split("\n").filter((line) =>
    line.startsWith("sentinel_fetch_duration_seconds")
  );
  assert.equal(lines[0], 'sentinel_fetch_duration_seconds_bucket{le="0.0001"} 1');
  assert.ok(lines.includes('sentinel_fetch_duration_seconds_bucket{le="0.001"} 2'));
  assert.ok(lines.includes('sentinel_fetch_duration_seconds_bucket{le="0.005"} 3'));
  assert.ok(lines.includes('sentinel_fetch_duration_seconds_bucket{le="10"} 3'));
  assert.ok(lines.includes('sentinel_fetch_duration_seconds_bucket{le="+Inf"} 4'));
  assert.ok(lines.includes("sentinel_fetch_duration_seconds_sum 20.00405"));
  assert.equal(lines.at(-1), "sentinel_fetch_duration_seconds_count 4");
});

test("partitions have their ends and their size", async () => {
  const broker = new FakeBroker();
  await broker.createTopic("orders", { partitions: 2 });
  const batch = buildRecordBatch([{ key: null, value: null, headers: [] }], { nowMs: 1 });
  broker.append("orders", 1, batch);
  const text = renderMetrics(broker, EXTRA);
  assert.match(text, /^sentinel_partition_log_start_offset\{topic="orders",partition="1"\} 0$/m);
  assert.match(text, /^sentinel_partition_high_watermark\{topic="orders",partition="1"\} 1$/m);
  assert.match(
    text,
    new RegExp(`^sentinel_partition_size_bytes\\{topic="orders",partition="1"\\} ${batch.sizeBytes}$`, "m"),
  );
});

test("METRICS_PARTITIONS_MAX bounds the answer, and what is left out is counted", async () => {
  const broker = new FakeBroker();
  await broker.createTopic("a", { partitions: METRICS_PARTITIONS_MAX - 1 });
  assert.match(renderMetrics(broker, EXTRA), /^sentinel_partitions_not_shown 0$/m);
  await broker.createTopic("b", { partitions: 1 });
  assert.match(renderMetrics(broker, EXTRA), /^sentinel_partitions_not_shown 0$/m);
  await broker.createTopic("c", { partitions: 2 });
  const text = renderMetrics(broker, EXTRA);
  assert.match(text, /^sentinel_partitions_not_shown 2$/m);
  assert.equal(text.includes('topic="c"'), false);
});

test("seed-M3: a label's value cannot end its quotes or its line", () => {
  assert.equal(escapeLabelValue('a"b\\c\nd'), 'a\\"b\\\\c\\nd');
  const broker = new FakeBroker();
  broker.topics.set('x"} 1\n# evil', {
    name: "",
    config: {},
    partitions: [{ batches: [], logStart: 0, highWatermark: 0 }],
  });
  for (const line of renderMetrics(broker, EXTRA).split("\n")) {
    assert.match(line, /^(|# (HELP|TYPE) \S+ .+|[a-z_]+(\{([a-z]+="([^"\\\n]|\\["\\n])*",?)+\})? [0-9.eE+-]+)$/);
  }
});

test("every family has its head once, and a blank line after it", async () => {
  const broker = new FakeBroker();
  await broker.createTopic("orders", { partitions: 3 });
  broker.fetchLatency.record(1);
  broker.indexes = [{ topic: "orders", partition: 0, appliedOffset: 0, highWatermark: 0 }];
  const text = renderMetrics(broker, { ...EXTRA, httpRequestsInWork: 1, httpWaits: 0 });
  const families = text.trimEnd().split("\n\n");
  const names = families.map((family) => /^# HELP (\S+) .+\n# TYPE \1 (counter|gauge|histogram)\n/.exec(family)?.[1]);
  assert.equal(names.includes(undefined), false);
  assert.equal(new Set(names).size, names.length);
  assert.ok(text.endsWith("\n\n"));
});
