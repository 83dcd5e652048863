import { equal } from "node:assert/strict";
import { test } from "node:test";
import { Progress } from "../../src/cli/progress.ts";
import { ManualClock } from "../server/fake_connection.ts";
import { FakeTerminal } from "./fake_terminal.ts";

async function count(stderrIsTerminal: boolean): Promise<string> {
  const terminal = new FakeTerminal([], { stderrIsTerminal });
  const clock = new ManualClock();
  const progress = new Progress(terminal, clock, "records");
  progress.show(1);
  await clock.pass(500);
  progress.show(200);
  progress.show(300);
  await progress.end();
  return terminal.errors;
}

test("Progress shows one line on a terminal, not more often than people can read, and takes it away", async () => {
  equal(await count(true), "\r200 records (400/s)\x1b[K\r\x1b[K");
});

test("Progress stays quiet in a pipe", async () => {
  equal(await count(false), "");
});
