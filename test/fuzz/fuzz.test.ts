/** The smoke size of `npm run fuzz`, what once failed, and that the harness itself sees a failure. */
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { readCorpus } from "./corpus.ts";
import { addCoverage, countIn, type Coverage, showCoverage } from "./coverage.ts";
import type { FuzzSubject, FuzzTarget } from "./fuzz_target.ts";
import { randomOf, runTarget } from "./run_target.ts";
import { shareOf, TARGETS } from "./targets.ts";
import { kafkaDecoding } from "./targets/kafka_decoding.ts";
import { SERVED } from "./targets/kafka_inputs.ts";

const INPUTS = 60_000;
const SEED = 20;
const RSS_ADDED_BYTES_MAX = 512 * 1024 * 1024;

for (const target of TARGETS) {
  test(`${target.name}: no input makes it fall over, hang, answer "internal" or keep memory`, async () => {
    // Other tests live in this process too: only what these inputs add counts.
    const rssBytesMax = process.memoryUsage().rss + RSS_ADDED_BYTES_MAX;
    const { failure } = await runTarget(target, { seed: SEED, count: shareOf(target, INPUTS, TARGETS), rssBytesMax });
    if (failure !== null) assert.fail(`input ${failure.index} of seed ${failure.seed}: ${failure.reason}`);
  });
}

test("what once failed holds", async () => {
  const inputs = await readCorpus();
  assert.ok(inputs.length > 0, "The corpus is empty");
  for (const { target: name, name: what, bytes } of inputs) {
    const target = TARGETS.find((candidate) => candidate.name === name);
    assert.ok(target !== undefined, `The corpus has a folder ${name}, which is no target`);
    const subject = await target.open();
    try {
      await subject.check(bytes);
    } catch (thrown) {
      assert.fail(`${name}/${what}: ${thrown instanceof Error ? thrown.stack : String(thrown)}`);
    }
    await subject.close?.();
  }
});

test("kafka_decoding: inputs of every API in every version get past its reader", async () => {
  const { coverage } = await runTarget(kafkaDecoding, { seed: SEED, count: SERVED.length * 60 });
  const never = SERVED.map(({ handler, version }) => `${handler.api.name} v${version}`)
    .filter((row) => !coverage.get(row)?.has("decoded"));
  assert.deepEqual(never, []);
});

test("showCoverage() adds up what runs counted", () => {
  const coverage: Coverage = new Map();
  countIn(coverage, "Fetch v10", "inputs");
  const more: Coverage = new Map();
  countIn(more, "Fetch v9", "inputs");
  countIn(more, "Fetch v9", "closed");
  countIn(more, "Fetch v10", "inputs");
  addCoverage(coverage, more);
  const lines = showCoverage(coverage).map((line) => line.replace(/ +/g, " "));
  assert.deepEqual(lines, [
    "Fetch v9 inputs 1 closed 1",
    "Fetch v10 inputs 2 closed 0",
    "all inputs 3 closed 1",
  ]);
});

/** A target of numbers, whose check is the test's. */
function planted(check: FuzzSubject["check"], inputsPerSubject = 10): FuzzTarget {
  const subject: FuzzSubject = { make: (random) => Uint8Array.of(random.below(256)), check };
  return { name: "planted", weight: 1, inputsPerSubject, open: async () => subject };
}

test("runTarget() names the first input that throws, rejects, takes too long or leaves too much memory", async () => {
  const options = { seed: 1, count: 1_000 };
  const isBad = (input: Uint8Array): boolean => input[0] === 77;
  const refuse = (input: Uint8Array): void => assert.ok(!isBad(input), "planted");
  const thrown = await runTarget(planted(refuse), options);
  assert.match(thrown.failure!.reason, /planted/);
  assert.deepEqual(thrown.failure!.input, Uint8Array.of(77));
  assert.equal(thrown.inputs, thrown.failure!.index + 1);
  const rejected = await runTarget(planted(async (input) => refuse(input)), options);
  assert.equal(rejected.failure!.index, thrown.failure!.index);
  // A bound of nothing: every input takes longer and leaves more than that.
  const slow = await runTarget(planted(() => {}), { ...options, inputMsMax: -1 });
  assert.match(slow.failure!.reason, /ms; -1 are allowed/);
  const large = await runTarget(planted(() => {}), { ...options, rssBytesMax: 1 });
  assert.match(large.failure!.reason, /bytes are resident/);
});

test("runTarget() finds the same input again from its number, with a subject as old", async () => {
  let checked = 0;
  const target: FuzzTarget = {
    ...planted(() => {}),
    open: async () => {
      let sinceOpened = 0;
      return {
        make: (random) => Uint8Array.of(random.below(256), sinceOpened),
        check: (input) => {
          checked += 1;
          sinceOpened += 1;
          assert.ok(!(input[0] === 77 && sinceOpened > 1), "planted");
        },
      };
    },
  };
  const first = (await runTarget(target, { seed: 1, count: 10_000 })).failure!;
  checked = 0;
  const again = (await runTarget(target, { seed: 1, count: 1, from: first.index })).failure!;
  assert.deepEqual([again.index, again.input], [first.index, first.input]);
  assert.ok(checked <= 10);
});

test("randomOf() is the same for the same target, seed and number, and for no others", () => {
  const first = (target: string, seed: number, index: number): number => randomOf(target, seed, index).uint32();
  assert.equal(first("cbor", 1, 5), first("cbor", 1, 5));
  const others = [first("cbor", 1, 6), first("cbor", 2, 5), first("frames", 1, 5)];
  assert.ok(!others.includes(first("cbor", 1, 5)));
});

test("shareOf() gives every target an input, and all of them together what was asked for", () => {
  assert.ok(TARGETS.every((target) => shareOf(target, 1, TARGETS) === 1));
  const sum = TARGETS.reduce((total, target) => total + shareOf(target, 1_000_000, TARGETS), 0);
  assert.ok(Math.abs(sum - 1_000_000) <= TARGETS.length, `${sum}`);
});
