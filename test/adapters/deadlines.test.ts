import assert from "node:assert/strict";
import { test } from "node:test";
import { Deadlines } from "../../adapters/node/deadlines.ts";
import type { Clock } from "../../src/platform/clock.ts";

/** Time that goes on when it is told to, and the timers that wait. */
class ManualClock implements Clock {
  #atMs = 0;
  #timers: { readonly dueMs: number; readonly run: () => void }[] = [];

  nowMs(): number {
    return this.#atMs;
  }

  monotonicMs(): number {
    return this.#atMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { dueMs: this.#atMs + delayMs, run };
    this.#timers.push(timer);
    return () => void (this.#timers = this.#timers.filter((other) => other !== timer));
  }

  get timers(): number {
    return this.#timers.length;
  }

  advance(ms: number): void {
    const endMs = this.#atMs + ms;
    while (true) {
      const [next] = this.#timers.filter((timer) => timer.dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs);
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#atMs = Math.max(this.#atMs, next.dueMs);
      next.run();
    }
    this.#atMs = endMs;
  }
}

test("deadlines pass one by one, each after its whole delay, with one timer for all", () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock, 100);
  const late: string[] = [];
  const begin = (name: string) => deadlines.begin(() => late.push(`${name} at ${clock.monotonicMs()}`));
  begin("a");
  clock.advance(30);
  const cancelB = begin("b");
  clock.advance(30);
  begin("c");
  assert.equal(clock.timers, 1);
  cancelB();
  clock.advance(39);
  assert.deepEqual(late, []);
  clock.advance(1_000);
  assert.deepEqual(late, ["a at 100", "c at 160"]);
  assert.equal(clock.timers, 0);
  begin("d");
  clock.advance(99);
  assert.equal(late.length, 2);
  clock.advance(1);
  assert.equal(late[2], "d at 1199");
});

test("a cancelled deadline is not called, also when it is cancelled twice or by another that passes", () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock, 100);
  const late: string[] = [];
  const cancel = deadlines.begin(() => late.push("cancelled"));
  cancel();
  cancel();
  clock.advance(50);
  deadlines.begin(() => {
    late.push("first");
    deadlines.begin(() => late.push(`again at ${clock.monotonicMs()}`));
  });
  clock.advance(20);
  deadlines.begin(() => late.push(`second at ${clock.monotonicMs()}`));
  clock.advance(500);
  assert.deepEqual(late, ["first", "second at 170", "again at 250"]);
});
