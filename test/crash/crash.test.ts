/** Fear: a crash at some moment loses what was acknowledged. The whole product is `npm run crash`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runCrashes } from "./crash_run.ts";
import { runDamage } from "./damage_run.ts";
import { DAMAGED_SCENARIOS, SCENARIOS } from "./scenarios.ts";

for (const scenario of SCENARIOS) {
  test(`a crash after every effect of ${scenario.name} keeps what was acknowledged (sampled images)`, async () => {
    // Every start of the metadata snapshot's scenario reads 10,000 records; others have trees in them.
    const isInTree = scenario.name.startsWith("lsm_");
    const isLong = isInTree || /^metadata_snapshot|^key_lookup|^engines/.test(scenario.name);
    const sample = isLong ? { imagesMax: 2, secondCrashOneIn: 600 } : { imagesMax: 3, secondCrashOneIn: 60 };
    const report = await runCrashes(scenario, { seed: 1, ...sample });
    assert.deepEqual(report.texts, []);
    assert.equal(report.violations, 0);
    // A tree has fewer files to do something to.
    const [pointsMin, distinctMin] = isInTree ? [15, 12] : [40, 30];
    const counts = `${report.points} points, ${report.distinct} images`;
    assert.ok(report.points > pointsMin && report.distinct > distinctMin, counts);
  });
}

for (const scenario of DAMAGED_SCENARIOS) {
  test(`damage to the synced files of ${scenario.name} is told, and neither served nor cut away`, async () => {
    const report = await runDamage(scenario, { seed: 1, points: 2, trials: 100 });
    assert.deepEqual(report.texts, []);
    assert.equal(report.violations, 0);
    assert.ok(report.trials > 150 && report.told > 30, `${report.trials} trials, ${report.told} told`);
  });
}
