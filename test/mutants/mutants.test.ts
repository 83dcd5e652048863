/** Fear: the crash harness sees nothing. All mutants are `npm run mutants`; here are those that it finds at once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MUTANTS } from "./mutants.ts";
import { findMutant, mutatedFiles } from "./plant.ts";

const FOUND_AT_ONCE = [
  "clean mark kept at the first write",
  "a failed write's bytes not cut back",
  "recovery point not synced",
];

test("every mutant can still be planted, and has a name of its own", () => {
  for (const mutant of MUTANTS) assert.ok(mutatedFiles(mutant).size > 0, mutant.name);
  assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
  assert.ok(MUTANTS.length >= 15);
});

for (const name of FOUND_AT_ONCE) {
  test(`the crash harness finds the mutant "${name}"`, async () => {
    const mutant = MUTANTS.find((each) => each.name === name);
    const finding = await findMutant(mutant!, 1);
    assert.ok(finding !== null && finding.text !== "", "it survived");
  });
}
