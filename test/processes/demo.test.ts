/** The seeds' demo, from its files to the consumer (facts X7). */
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { makeTemporaryDirectory } from "../adapters/temporary_directory.ts";
import { startBroker } from "./broker_process.ts";
import { assertLines } from "./script_run.ts";
import { sentinel } from "./sentinel_command.ts";

const RULE = "=".repeat(60);
const HEAD = "tmstmp,typ,stpnm,stpid,rt,rtdir,prdtm,dly,prdctdn";
const TARGET = `State, Main & "Lake" Street with a long name`;

test("seed-D1, seed-D2: the demo sends valid JSON from distinct files, in the seeds' words", async () => {
  await using directory = await makeTemporaryDirectory();
  await using broker = await startBroker();
  const data = join(directory.path, "sample");
  const name = (file: number): string => `predictions_2026010${file}.csv`;
  await mkdir(data);
  // Three rows a file: ten records need every file that is picked, and a file taken twice would show.
  for (let file = 1; file <= 2; file++) {
    const rows = [0, 1, 2].map((row) =>
      `20260101 10:0${row},A,"${TARGET.replaceAll('"', '""')}",${file}${row},${
        file * 70 + row
      },Northbound,20260101 10:1${row},${row === 1 ? "True" : "False"},${row + 5}`
    );
    await writeFile(join(data, name(file)), [HEAD, ...rows, ""].join("\n"));
  }
  await writeFile(join(data, "other.csv"), HEAD);
  const demo = await sentinel(["demo", "-broker", broker.binary], { environment: { SENTINEL_DEMO_DATA_DIR: data } });
  const shown = TARGET.slice(0, 25);
  const lines = [1, 2].flatMap((file) => [
    "",
    `Processing: ${name(file)}`,
    ...[0, 1, 2].map((row) =>
      `  [  ${(file - 1) * 3 + row + 1}] Route ${String(file * 70 + row).padStart(3)} → ${shown}`
    ),
  ]);
  assertLines(demo.out, [
    RULE,
    "SENTINEL DEMO: Historical Data Replay",
    RULE,
    `Data source: ${data}`,
    "Topic: bus-predictions",
    "Limit: 10 records",
    "Found 2 CSV files",
    ...lines,
    "",
    RULE,
    "COMPLETE: Sent 6 records in {number}s",
    "Rate: {number} msg/sec",
    RULE,
    "",
    "To consume these messages:",
    "  sentinel consume -topic bus-predictions -from-beginning",
  ], demo.out + demo.errors);
  assert.deepEqual([demo.code, demo.errors], [0, ""]);
  const consumed = await sentinel(["consume", "-topic", "bus-predictions", "-raw", "-broker", broker.binary]);
  const predictions = consumed.out.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.equal(new Set(predictions.map(({ stop_id }) => stop_id)).size, 6);
  const { timestamp, ...second } = predictions[1];
  assert.deepEqual(second, {
    route: "71",
    stop_id: "11",
    stop_name: TARGET,
    direction: "Northbound",
    predicted_time: "20260101 10:11",
    delay: true,
    countdown_min: "6",
  });
  assert.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/);
});

test("the demo says where its files should be", async () => {
  await using directory = await makeTemporaryDirectory();
  const demo = await sentinel(["demo", "-data", directory.path]);
  assert.equal(demo.code, 1);
  assert.equal(
    demo.errors,
    `ERROR: No prediction CSV files found!\nExpected path: ${directory.path}/predictions_*.csv\n`,
  );
});
