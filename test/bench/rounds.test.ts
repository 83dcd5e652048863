import assert from "node:assert/strict";
import { test } from "node:test";
import { compareInRounds, measureInTurn } from "../../bench/rounds.ts";

/** Gives the values one after the other and notes each call. */
function scripted(name: string, values: number[], calls: string[]): () => Promise<number> {
  return () => {
    calls.push(name);
    return Promise.resolve(values.shift()!);
  };
}

test("compareInRounds() measures in turn, after one uncounted round", async () => {
  const calls: string[] = [];
  const limit = scripted("limit", [1, 10, 20, 40], calls);
  const ours = scripted("ours", [1, 5, 18, 10], calls);
  const found = await compareInRounds(3, limit, ours);
  assert.deepEqual(calls, ["limit", "ours", "limit", "ours", "limit", "ours", "limit", "ours"]);
  assert.deepEqual(found, { value: 10, besideValue: 20, ratio: 0.5, ratioRange: [0.25, 0.9] });
});

test("compareInRounds() takes the ratio inside a round: a machine that slows down does not count", async () => {
  const found = await compareInRounds(3, scripted("limit", [0, 100, 50, 10], []), scripted("ours", [0, 80, 40, 8], []));
  assert.equal(found.ratio, 0.8);
});

test("compareInRounds() of a single round has no uncounted one", async () => {
  const calls: string[] = [];
  const found = await compareInRounds(1, scripted("limit", [4], calls), scripted("ours", [3], calls));
  assert.deepEqual(calls, ["limit", "ours"]);
  assert.equal(found.ratio, 0.75);
});

test("measureInTurn() gives what each measurement found, round by round", async () => {
  const calls: string[] = [];
  const places = ["a", "b", "c"].map((name, at) => scripted(name, [0, at + 1, at + 11], calls));
  assert.deepEqual(await measureInTurn(2, places), [[1, 11], [2, 12], [3, 13]]);
  assert.deepEqual(calls.slice(3, 6), ["a", "b", "c"]);
});
