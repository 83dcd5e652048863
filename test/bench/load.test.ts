import assert from "node:assert/strict";
import { test } from "node:test";
import { runLoad } from "../../bench/load.ts";
import type { Clock } from "../../src/platform/clock.ts";

/** A clock that stands still but for what the test's clients let pass. */
function steppedClock(): Clock & { pass(ms: number): void } {
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    after: () => () => {},
    pass: (ms) => void (nowMs += ms),
  };
}

test("runLoad() counts all exchanges, also those that are under way at the end", async () => {
  const clock = steppedClock();
  let exchanges = 0;
  const client = {
    exchange: () => {
      exchanges += 1;
      clock.pass(3);
      return Promise.resolve();
    },
    close: () => {},
  };
  // 3, 6, 9, 12 ms: the fourth began before the tenth.
  assert.deepEqual(await runLoad(clock, [client], 10), { requests: 4, perSecond: 4 / 12 * 1_000 });
  assert.equal(exchanges, 4);
});

test("runLoad() fails when an exchange does", async () => {
  const failing = { exchange: () => Promise.reject(new Error("refused")), close: () => {} };
  await assert.rejects(runLoad(steppedClock(), [failing], 10), /refused/);
});
