/** The smoke size of `npm run faults`, on the runtime that runs this test. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ownKind } from "../processes/sentinel_command.ts";
import { runTool } from "./external_command.ts";
import { CannotRun } from "./fault.ts";
import { FAULTS } from "./faults.ts";

/** What needs no right of root and no tool of the machine; `npm run faults` has the others. */
const SMOKE_CYCLES: Readonly<Record<string, number>> = { "kill": 3, "idempotent": 3, "descriptors": 1, "bit-flips": 6 };

for (const [name, cycles] of Object.entries(SMOKE_CYCLES)) {
  test(`${name}: ${cycles} of it leave every acknowledged record as it was`, async () => {
    const fault = FAULTS.find((known) => known.name === name)!;
    const figures = await fault.run({ kind: ownKind, cycles, seed: 2, onProgress: () => {} });
    assert.ok(Object.values(figures).some((figure) => figure >= cycles), JSON.stringify(figures));
  });
}

test("a fault that the machine does not allow is told apart from one that found something", () => {
  assert.throws(() => runTool("sentinel-no-such-tool", []), CannotRun);
  assert.throws(() => runTool("false", []), CannotRun);
  runTool("true", []);
});
