/** What every `Clock` must do. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../../src/platform/clock.ts";

/** A clock's timers keep no process alive: while a test waits for one, something else must. */
async function passed(clock: Clock, delayMs: number): Promise<void> {
  const keepAlive = setInterval(() => {}, 1_000);
  await new Promise<void>((resolve) => clock.after(delayMs, resolve));
  clearInterval(keepAlive);
}

export function describeClock(name: string, clock: Clock): void {
  test(`${name}: nowMs() is an integer of this age, monotonicMs() never goes back`, () => {
    assert.ok(Number.isSafeInteger(clock.nowMs()) && clock.nowMs() > Date.UTC(2024, 0));
    for (let round = 0, before = clock.monotonicMs(); round < 10_000; round++) {
      const now = clock.monotonicMs();
      assert.ok(now >= before);
      before = now;
    }
  });

  test(`${name}: after() runs once, and not before its time`, async () => {
    for (const delayMs of [0, 1, 7.5, 20]) {
      const startMs = clock.monotonicMs();
      await passed(clock, delayMs);
      assert.ok(clock.monotonicMs() - startMs >= delayMs, `${delayMs} ms`);
    }
    let runs = 0;
    clock.after(1, () => runs++);
    await passed(clock, 10);
    assert.equal(runs, 1);
  });

  test(`${name}: after() runs the earlier one first, and none that was cancelled`, async () => {
    const order: number[] = [];
    clock.after(30, () => order.push(30));
    clock.after(10, () => order.push(10));
    const cancel = clock.after(20, () => order.push(20));
    cancel();
    cancel();
    await passed(clock, 50);
    assert.deepEqual(order, [10, 30]);
    cancel();
  });

  test(`${name}: after() with more than a timer can count does not run at once`, async () => {
    let runs = 0;
    const cancels = [2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER].map((delayMs) => clock.after(delayMs, () => runs++));
    await passed(clock, 20);
    for (const cancel of cancels) cancel();
    assert.equal(runs, 0);
  });
}
