import assert from "node:assert/strict";
import { test } from "node:test";
import { RandomMembers } from "./random_members.ts";

const RUNS = 200;
const STEPS = 400;

test("random members are never told what the model forbids, and come to rest (I29, I30, I31)", () => {
  const seen = { stable: 0, restarts: 0, fenced: 0, refused: 0, commits: 0 };
  for (let seed = 1; seed <= RUNS; seed++) {
    const members = new RandomMembers(seed);
    try {
      members.run(STEPS);
    } catch (thrown) {
      throw new Error(`seed ${seed}`, { cause: thrown });
    }
    for (const name of Object.keys(seen) as (keyof typeof seen)[]) seen[name] += members.seen[name];
  }
  for (const [name, count] of Object.entries(seen)) assert.ok(count > RUNS / 4, `${name} happened ${count} times`);
});
