import assert from "node:assert/strict";
import { test } from "node:test";
import { judge } from "../../bench/figure.ts";
import { jsonLine, markdownPage, resultOf, textTable } from "../../bench/report.ts";
import { besideFigure, loneFigure } from "../../bench/workload.ts";

const MACHINE = { description: "AMD EPYC, 2 cores, linux x64", runtime: "bun 1.4.4", commit: "abc1234" };
const BESIDE = besideFigure(
  {
    workload: "http-produce",
    figure: "records_per_s",
    unit: "1/s",
    beside: "parse-only handler",
    target: { of: "ratio", atLeast: 0.6 },
  },
  { value: 41_000.4, besideValue: 60_000, ratio: 0.68333, ratioRange: [0.61, 0.7] },
);
const LONE = loneFigure({ workload: "soak", figure: "memory_at_end_mb", unit: "MB" }, 152.71);

test("jsonLine() has design §5's members in its order", () => {
  assert.equal(
    jsonLine(resultOf(BESIDE, MACHINE)),
    '{"workload":"http-produce","figure":"records_per_s","value":41000,"unit":"1/s","beside":"parse-only handler",' +
      '"besideValue":60000,"ratio":0.6833,"runtime":"bun 1.4.4","commit":"abc1234"}',
  );
  assert.equal(
    jsonLine(resultOf(LONE, MACHINE)),
    '{"workload":"soak","figure":"memory_at_end_mb","value":152.7,"unit":"MB","beside":null,"besideValue":null,' +
      '"ratio":null,"runtime":"bun 1.4.4","commit":"abc1234"}',
  );
});

test("textTable() lines its columns up", () => {
  assert.equal(
    textTable([BESIDE, LONE]),
    [
      "workload      figure             value  unit  beside              its value  ratio  rounds     target",
      "http-produce  records_per_s     41,000  1/s   parse-only handler     60,000   0.68  0.61–0.70  ratio ≥ 0.6: yes",
      "soak          memory_at_end_mb   152.7  MB",
    ].join("\n"),
  );
});

test("markdownPage() has one table for each machine, runtime and commit", () => {
  const other = { ...MACHINE, runtime: "deno 2.9.6" };
  const page = markdownPage([resultOf(BESIDE, MACHINE), resultOf(BESIDE, other), resultOf(LONE, MACHINE)]);
  const headings = page.split("\n").filter((line) => line.startsWith("## "));
  assert.deepEqual(headings, [
    "## bun 1.4.4, abc1234, AMD EPYC, 2 cores, linux x64",
    "## deno 2.9.6, abc1234, AMD EPYC, 2 cores, linux x64",
  ]);
  const bunPart = page.slice(page.indexOf("## bun"), page.indexOf("## deno"));
  const row = /^\| http-produce +\| records_per_s +\| +41,000 \| 1\/s +\| parse-only handler +\| +60,000 \| +0.68 \|/m;
  assert.match(bunPart, row);
  assert.match(bunPart, /^\| soak +\| memory_at_end_mb +\| +152.7 \| MB +\|/m);
});

test("judge() at, below and above a bound", () => {
  const ratio = { of: "ratio", atLeast: 0.7 } as const;
  assert.equal(judge(1, 0.7, ratio), "ratio ≥ 0.7: yes");
  assert.equal(judge(1, 0.69, ratio), "ratio ≥ 0.7: no");
  const value = { of: "value", atMost: 150 } as const;
  assert.equal(judge(150, null, value), "≤ 150: yes");
  assert.equal(judge(150.1, null, value), "≤ 150: no");
  assert.equal(judge(1, 1, null), "");
});
