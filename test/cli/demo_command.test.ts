import { deepEqual, equal, match, ok } from "node:assert/strict";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { parseCsv } from "../../src/cli/csv.ts";
import { pickFiles, toPrediction } from "../../src/cli/demo_command.ts";
import { isoTime } from "../../src/cli/iso_time.ts";
import { readRecords } from "../../src/records/read_records.ts";
import type { StoredRecord } from "../../src/records/record.ts";
import { makeTemporaryDirectory } from "../adapters/temporary_directory.ts";
import { openBroker } from "./cli_run.ts";

const SAMPLE_DATA = fileURLToPath(new URL("../../deploy/sample_data", import.meta.url));

test("parseCsv() reads quotes, commas and line ends inside fields, and short rows", () => {
  const rows = parseCsv('\ufeffa,b,c\r\n1,"x, ""y""\nz",3\n\n4\n5,,7,8\n"open');
  deepEqual(rows.map((row) => [...row]), [
    [["a", "1"], ["b", 'x, "y"\nz'], ["c", "3"]],
    [["a", "4"]],
    [["a", "5"], ["b", ""], ["c", "7"]],
    [["a", "open"]],
  ]);
  deepEqual(parseCsv(""), []);
  deepEqual(parseCsv("a,b\n"), []);
});

test("parseCsv() is total: 20,000 texts of its own characters", () => {
  let state = 99;
  const random = (below: number) => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) % below;
  const alphabet = ['"', ",", "\n", "\r", "a", '""', "é"];
  for (let round = 0; round < 20_000; round++) {
    const text = Array.from({ length: random(30) }, () => alphabet[(random(1_000_000) >>> 4) % alphabet.length]).join(
      "",
    );
    ok(Array.isArray(parseCsv(text)));
  }
});

test("seed-D2: pickFiles() takes first, middle and last, each once", () => {
  deepEqual(pickFiles(["a"]), ["a"]);
  deepEqual(pickFiles(["a", "b"]), ["a", "b"]);
  deepEqual(pickFiles(["a", "b", "c"]), ["a", "b", "c"]);
  deepEqual(pickFiles(["a", "b", "c", "d", "e", "f"]), ["a", "d", "f"]);
});

test("toPrediction() gives the columns readable names", () => {
  const row = new Map([["rt", "80"], ["stpid", "1"], ["stpnm", 'A "B"'], ["rtdir", "East"], ["prdtm", "t"], [
    "dly",
    "True",
  ], ["prdctdn", "DUE"]]);
  deepEqual(toPrediction(row, 0), {
    route: "80",
    stop_id: "1",
    stop_name: 'A "B"',
    direction: "East",
    predicted_time: "t",
    delay: true,
    countdown_min: "DUE",
    timestamp: "1970-01-01T00:00:00.000Z",
  });
  for (const dly of ["true", "False", "", "1"]) equal(toPrediction(new Map([["dly", dly]]), 0).delay, false);
});

test("isoTime() writes milliseconds since 1970", () => {
  equal(isoTime(1_738_310_709_123), "2025-01-31T08:05:09.123Z");
});

test("seed-D1: demo sends valid JSON, ten rows, over one connection", async () => {
  const { run, broker, close } = await openBroker();
  const { code, out, errors } = await run(["demo", "-data", SAMPLE_DATA]);
  deepEqual([code, errors], [0, ""]);
  const rule = "=".repeat(60);
  ok(
    out.startsWith(
      `${rule}\nSENTINEL DEMO: Historical Data Replay\n${rule}\nData source: ${SAMPLE_DATA}\n` +
        "Topic: bus-predictions\nLimit: 10 records\nFound 5 CSV files\n\nProcessing: predictions_20250106.csv\n",
    ),
    out,
  );
  match(out, /\n {2}\[ {2}1\] Route {2}22 → Market Hall\n/);
  match(out, /\n {2}\[ 10\] Route /);
  match(out, /\nCOMPLETE: Sent 10 records in \d+\.\d\ds\nRate: \d+\.\d msg\/sec\n/);
  match(out, /\nTo consume these messages:\n {2}sentinel consume -topic bus-predictions -from-beginning\n$/);
  const batches = broker.topics.get("bus-predictions")!.partitions[0]!.batches;
  const values = batches.flatMap((batch) => readRecords(batch) as StoredRecord[])
    .map((record) => JSON.parse(new TextDecoder().decode(record.value!)));
  equal(values.length, 10);
  for (const value of values) {
    deepEqual(Object.keys(value), [
      "route",
      "stop_id",
      "stop_name",
      "direction",
      "predicted_time",
      "delay",
      "countdown_min",
      "timestamp",
    ]);
  }
  await close();
});

test("seed-D2: demo replays two files once each, and takes more rows of them", async () => {
  await using directory = await makeTemporaryDirectory();
  for (const name of ["predictions_1.csv", "predictions_2.csv"]) {
    await writeFile(`${directory.path}/${name}`, `rt,stpnm\n${name},x\n`);
  }
  await writeFile(`${directory.path}/other.csv`, "rt\n1\n");
  await mkdir(`${directory.path}/sub`);
  await cp(`${directory.path}/other.csv`, `${directory.path}/sub/predictions_9.csv`);
  const { run, broker, close } = await openBroker();
  const { code, out } = await run(["demo", "-topic", "d"], { environment: { SENTINEL_DEMO_DATA_DIR: directory.path } });
  equal(code, 0);
  match(out, /Found 2 CSV files/);
  equal(broker.topics.get("d")!.partitions[0]!.batches.length, 2);
  await close();
});

test("demo says where it looked when there is nothing", async () => {
  const { run, close } = await openBroker();
  await using directory = await makeTemporaryDirectory();
  for (const path of [directory.path, `${directory.path}/missing`]) {
    const { code, errors } = await run(["demo", "-data", path]);
    deepEqual([code, errors], [1, `ERROR: No prediction CSV files found!\nExpected path: ${path}/predictions_*.csv\n`]);
  }
  await close();
});
