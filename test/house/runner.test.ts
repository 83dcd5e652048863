import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { clientTable } from "../../tools/client_table.mjs";
import { countSuite } from "../../tools/interop.mjs";
import { outcome, runStep } from "../../tools/steps.mjs";
import { countBun, countDeno } from "../../tools/test.mjs";

test("countBun() and countDeno() read the last summary", () => {
  deepEqual(countBun("(pass) a\n\n 130 pass\n 3 fail\n 1 error\nRan 133 tests"), { passed: 130, failed: 3 });
  deepEqual(countBun("no summary"), { passed: 0, failed: 0 });
  deepEqual(countDeno("ok | 1 passed | 0 failed\nFAILED | 12 passed (3 steps) | 4 failed (2 steps) (11ms)\n"), {
    passed: 12,
    failed: 4,
  });
  deepEqual(countDeno("ok | 7 passed | 0 failed | 2 ignored (1s)"), { passed: 7, failed: 0 });
});

test("countSuite() takes only a last line of numbers", () => {
  deepEqual(countSuite("1 passed, 0 failed\n2 passed, 3 failed\n"), { passed: 2, failed: 3 });
  deepEqual(countSuite("2 passed, 0 failed\ncrashed"), { passed: 0, failed: 1 });
});

test("outcome() never calls a step good that ended badly or ran nothing", () => {
  const tests = (passed: number, failed: number) => ({ count: () => ({ passed, failed }) });
  deepEqual(outcome({}, 0, ""), { passed: 1, failed: 0 });
  deepEqual(outcome({}, 1, ""), { passed: 0, failed: 1 });
  deepEqual(outcome(tests(5, 0), 0, ""), { passed: 5, failed: 0 });
  deepEqual(outcome(tests(5, 0), 1, ""), { passed: 5, failed: 1 });
  deepEqual(outcome(tests(5, 2), 0, ""), { passed: 5, failed: 2 });
  deepEqual(outcome(tests(0, 0), 0, ""), { passed: 0, failed: 1 });
});

test("runStep() keeps the output and tells of a program that is missing or was killed", async () => {
  const script = (text: string) => ({ name: "x", command: "/bin/sh", args: ["-c", text] });
  const good = await runStep(script("echo out; echo err >&2"));
  deepEqual([good.passed, good.failed, good.output.split("\n").sort()], [1, 0, ["", "err", "out"]]);
  const killed = await runStep(script("kill -9 $$"));
  deepEqual([killed.passed, killed.failed, killed.output], [0, 1, "Ended by SIGKILL\n"]);
  const missing = await runStep({ name: "x", command: "/nonexistent/program", args: [] });
  deepEqual([missing.passed, missing.failed], [0, 1]);
});

test("the table of Kafka clients counts what held out of what was made, and a dash where nothing can be", () => {
  const checks = [
    { result: "ok", capability: "codecs", text: "gzip" },
    { result: "failed", capability: "codecs", text: "lz4" },
    { result: "none", capability: "codecs", text: "zstd" },
    { result: "none", capability: "admin", text: "all of it" },
  ];
  const [head, rule, row] = clientTable([{ name: "kcat", version: "1", checks }]).split("\n");
  const cells = (line: string | undefined) => line?.split("|").map((cell) => cell.trim());
  deepEqual(cells(head)?.slice(1, 5), ["client", "version", "produce", "codecs"]);
  equal(/^\|( -+ \|)+$/.test(rule ?? ""), true);
  deepEqual(cells(row)?.slice(1), ["kcat", "1", "–", "1/2", "–", "–", "–", "–", "–", "–", "–", ""]);
});
