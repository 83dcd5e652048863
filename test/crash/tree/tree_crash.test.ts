/** Fear: a crash at some moment loses what the tree has promised. The whole product is `npm run crash`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runTreeDamage } from "./tree_damage.ts";
import { runTreeCrashes } from "./tree_run.ts";
import { TREE_SCENARIOS } from "./tree_scenarios.ts";

for (const scenario of TREE_SCENARIOS) {
  test(`a crash after every effect of ${scenario.name} keeps what was promised (sampled images)`, async () => {
    const report = await runTreeCrashes(scenario, { seed: 1, imagesMax: 3, secondCrashOneIn: 60 });
    assert.deepEqual(report.texts, []);
    assert.equal(report.violations, 0);
    assert.ok(report.points > 30 && report.distinct > 30, `${report.points} points, ${report.distinct} images`);
  });
}

for (const scenario of TREE_SCENARIOS) {
  test(`damage to the synced files of ${scenario.name} is told with the file's name, and never served`, async () => {
    const report = await runTreeDamage(scenario, { seed: 1, points: 3, trials: 40 });
    assert.deepEqual(report.texts, []);
    assert.equal(report.violations, 0);
    assert.ok(report.trials > 50 && report.told > 20, `${report.trials} trials, ${report.told} told`);
  });
}
