import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import { PlatformError } from "../../src/base/errors.ts";
import { openLog } from "../../src/cli/log_lines.ts";
import { platform } from "./cli_run.ts";
import { FakeTerminal } from "./fake_terminal.ts";

/** Standard error whose disk may be full, or whose reader may be slow. */
class FailingTerminal extends FakeTerminal {
  isFull = false;
  /** Writes wait for it. */
  gate: Promise<void> = Promise.resolve();

  override async writeError(bytes: Uint8Array): Promise<boolean> {
    await this.gate;
    if (this.isFull) throw new PlatformError("no_space", "write to", "standard error");
    return await super.writeError(bytes);
  }
}

function messages(terminal: FakeTerminal): string[] {
  return terminal.errors.trimEnd().split("\n").map((line) => line.replace(/^\S+ /, ""));
}

test("openLog() loses lines that cannot be written, goes on, and tells how many when it can", async () => {
  const terminal = new FailingTerminal([]);
  const log = openLog(terminal, platform.clock, "text");
  terminal.isFull = true;
  log("info", "one");
  await turn();
  log("error", "two");
  await turn();
  assert.equal(terminal.errors, "");
  terminal.isFull = false;
  log("info", "three");
  await turn();
  log("info", "four");
  await turn();
  assert.deepEqual(messages(terminal), ["[INFO] three", "[WARN] 2 lines of the log were lost", "[INFO] four"]);
});

test("openLog() keeps at most 1,000 lines for a slow reader, and tells how many it lost", async () => {
  const terminal = new FailingTerminal([]);
  let openGate = (): void => {};
  terminal.gate = new Promise((resolve) => {
    openGate = resolve;
  });
  const log = openLog(terminal, platform.clock, "text");
  // The first is being written; a thousand wait.
  for (let line = 0; line < 1_005; line++) log("info", `line ${line}`);
  openGate();
  await turn();
  const told = messages(terminal);
  assert.equal(told.length, 1_002);
  assert.equal(told[1_000], "[INFO] line 1000");
  assert.equal(told[1_001], "[WARN] 4 lines of the log were lost");
});
