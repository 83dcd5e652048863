/** Fear: a checker that cannot fail. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkObserved } from "./checkers/check_observed.ts";
import { committedOffsets } from "./checkers/committed_offsets.ts";
import { expectationOf } from "./expectation.ts";
import type { LedgerEvent, ProduceAsked } from "./ledger.ts";
import type { ObservedPartition, ObservedTopic } from "./observed.ts";

const PLACE = { incarnation: 1, partition: 0 };
const STATE = { name: "orders", incarnation: 1, partitions: 1, config: { "segment.bytes": "500" } };

const sent = (connection: string, ...digests: string[]): ProduceAsked => ({
  kind: "produce asked",
  place: PLACE,
  connection,
  digests,
});
const acked = sent("a", "r0", "r1");
const refused = sent("b", "bad");
const LEDGER: readonly LedgerEvent[] = [
  { kind: "topic asked", name: "orders", state: STATE },
  { kind: "topic id", incarnation: 1, topicId: "id" },
  { kind: "topic done", name: "orders" },
  acked,
  { kind: "produce acked", asked: acked, first: 0 },
  sent("a", "r2"),
  refused,
  { kind: "produce refused", asked: refused },
];

const PARTITION: ObservedPartition = {
  partition: 0,
  start: 0,
  end: 2,
  records: [{ offset: 0, digest: "r0" }, { offset: 1, digest: "r1" }],
  fault: null,
  contradictions: [],
};

function faultsOf(
  partition: Partial<ObservedPartition>,
  topic: Partial<ObservedTopic> = {},
  more: LedgerEvent[] = [],
): string {
  const { config } = STATE;
  const partitions = [{ ...PARTITION, ...partition }];
  const observed = { topics: [{ name: "orders", topicId: "id", config, partitions, ...topic }] };
  return checkObserved(observed, expectationOf([...LEDGER, ...more])).join("\n");
}

const withThird = (digest: string, offset = 2): Partial<ObservedPartition> => ({
  end: 3,
  records: [...PARTITION.records, { offset, digest }],
});

test("checkObserved() finds nothing where all is as told, or what was under way is there too", () => {
  assert.equal(faultsOf({}), "");
  assert.equal(faultsOf(withThird("r2")), "");
});

test("I18, I19: a record that is lost or changed", () => {
  assert.match(faultsOf({ end: 1, records: PARTITION.records.slice(0, 1) }), /I18: offset 1/);
  assert.match(faultsOf({ records: [PARTITION.records[0]!, { offset: 1, digest: "r2" }] }), /I19: offset 1/);
});

test("I20: a hole, and an end that nothing reaches", () => {
  assert.match(faultsOf(withThird("r2", 3)), /I20: offset 3/);
  assert.match(faultsOf({ end: 5 }), /I20: 2 records/);
});

test("I22: a later record before an earlier one", () => {
  assert.match(faultsOf({ records: [{ offset: 0, digest: "r1" }, { offset: 1, digest: "r0" }] }), /I22/);
});

test("I23: a record that nobody sent, that was refused, that is there twice", () => {
  assert.match(faultsOf(withThird("stranger")), /nobody sent/);
  assert.match(faultsOf(withThird("bad")), /was refused/);
  assert.match(faultsOf(withThird("r1")), /twice/);
});

test("I26: a start that nobody asked for, and one that has gone back", () => {
  assert.match(faultsOf({ start: 1, records: PARTITION.records.slice(1) }), /I26.*nobody asked/);
  assert.match(faultsOf({}, {}, [{ kind: "start told", place: PLACE, offset: 1 }]), /I26.*after it was told/);
});

test("I42, I44: an answer that contradicts the records, a partition that is offline", () => {
  assert.match(faultsOf({ contradictions: ["the search is wrong"] }), /I42/);
  assert.match(faultsOf({ fault: "damaged" }), /I44: damaged/);
});

test("topics: one that is gone, has another id, other settings or that nobody made", () => {
  for (const topic of [{ topicId: "other" }, { config: {} }, { name: "stranger" }]) {
    assert.match(faultsOf({}, topic), /topics: /);
  }
});

test("I29, I30: a position that is gone, went back or that nobody committed; a generation that is given out again", () => {
  const commit = (offset: number | null) => ({ kind: "commit asked", group: "g", place: "orders-0", offset }) as const;
  const first = commit(5);
  const events: LedgerEvent[] = [first, { kind: "commit done", asked: first }, commit(7)];
  const told: LedgerEvent = { kind: "generation told", group: "g", generation: 2 };
  const groupsFaults = (offsets: Record<string, number>, generation: number, more: LedgerEvent[] = []): string => {
    const groups = [{ group: "g", generation, offsets }];
    return committedOffsets({ topics: [], groups }, expectationOf([...events, ...more])).join("\n");
  };
  assert.equal(groupsFaults({ "orders-0": 5 }, 0), "");
  assert.equal(groupsFaults({ "orders-0": 7 }, 2, [told]), "");
  assert.match(groupsFaults({ "orders-0": 4 }, 0), /is at 4/);
  assert.match(groupsFaults({}, 0), /is at null/);
  assert.match(groupsFaults({ "orders-0": 5, "orders-1": 1 }, 0), /never committed for orders-1/);
  const shown: LedgerEvent = { kind: "commit told", group: "g", place: "orders-0", offset: 7 };
  assert.match(groupsFaults({ "orders-0": 5 }, 0, [shown]), /is at 5/);
  assert.match(groupsFaults({ "orders-0": 7 }, 1, [told]), /generation 1, members were told 2/);
});

test("a truncation withdraws the promise when it begins, and forbids the records when it is done", () => {
  const asked: LedgerEvent = { kind: "truncate asked", place: PLACE, boundary: 1 };
  const shorter = { end: 1, records: PARTITION.records.slice(0, 1) };
  assert.equal(faultsOf({}, {}, [asked]), "");
  assert.equal(faultsOf(shorter, {}, [asked]), "");
  assert.match(faultsOf({}, {}, [asked, { kind: "truncate done", place: PLACE, boundary: 1 }]), /was refused/);
});
