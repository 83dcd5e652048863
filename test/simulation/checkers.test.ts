/** Each checker must see what it is there for: a check that never fails is none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedRandom } from "../../adapters/simulation/random.ts";
import type { StoredRecord } from "../../src/records/record.ts";
import { acknowledgedKept } from "./checkers/acknowledged_kept.ts";
import { checkBytesHeld, MESSAGE_BYTES_MAX } from "./checkers/bytes_held.ts";
import { consecutiveReads } from "./checkers/consecutive_reads.ts";
import { newestAcknowledged, newestOfKey } from "./checkers/newest_of_key.ts";
import { newestPerKey } from "./checkers/newest_per_key.ts";
import { noPhantom } from "./checkers/no_phantom.ts";
import { oneRecordPerOffset } from "./checkers/one_record_per_offset.ts";
import { sendOrder } from "./checkers/send_order.ts";
import { watermarks } from "./checkers/watermarks.ts";
import { Model, TopicModel } from "./model.ts";
import type { PartitionModel, SentRecord } from "./model.ts";
import type { Checker, LookupAnswer, Observation, ReadAnswer } from "./observation.ts";
import { Violation } from "./observation.ts";

class Scene {
  readonly model = new Model();
  readonly partition: PartitionModel;
  readonly #random = new SimulatedRandom(1);
  readonly #made = new Map<SentRecord, StoredRecord>();

  constructor(durability: "fsync" | "os" = "fsync", isCompacted = false) {
    const options = { partitions: 1, durability, isRetained: false, isCompacted };
    this.partition = new TopicModel("t", "id", options).partitions[0]!;
  }

  send(order = 0, session = "0/1"): SentRecord {
    const to = { topicName: "t", partition: 0, session, order };
    const { sent, record } = this.model.newRecord(this.#random, to, {
      nowMs: 1_000_000,
      bytesMean: 10,
      isCompacted: this.partition.topic.isCompacted,
    });
    this.#made.set(sent, { ...record, offset: 0, timestamp: record.timestamp! });
    return sent;
  }

  acknowledged(first: number, records: readonly SentRecord[], isStrict = true): Observation {
    return { kind: "acknowledged", partition: this.partition, first, records, isStrict };
  }

  read(from: number, records: readonly SentRecord[], other: Partial<ReadAnswer> = {}): ReadAnswer {
    const { partition } = this;
    const stored = records.map((sent, at) => ({ ...this.#made.get(sent)!, offset: from + at }));
    const next = from + records.length;
    const before = { highWatermark: 0, logStart: 0 };
    return {
      kind: "read",
      partition,
      asked: from,
      records: stored,
      next,
      highWatermark: next,
      logStart: 0,
      before,
      ...other,
    };
  }
}

function violates(check: Checker, scene: Scene, observation: Observation, invariant: string): void {
  assert.throws(
    () => check(observation, scene.model),
    (thrown) => thrown instanceof Violation && thrown.invariant === invariant,
  );
}

test("I19: an offset that was another record", () => {
  const scene = new Scene();
  const [one, two] = [scene.send(), scene.send()];
  oneRecordPerOffset(scene.acknowledged(5, [one]), scene.model);
  oneRecordPerOffset(scene.read(5, [one]), scene.model);
  violates(oneRecordPerOffset, scene, scene.read(5, [two]), "I19");
});

test("I19: after a power loss an offset that was not durable may be used again, one that was may not", () => {
  const scene = new Scene("os");
  const [one, two, three] = [scene.send(), scene.send(), scene.send()];
  oneRecordPerOffset(scene.acknowledged(0, [one, two], false), scene.model);
  scene.partition.strictEnd = 1;
  scene.partition.losePower();
  oneRecordPerOffset(scene.read(1, [three]), scene.model);
  violates(oneRecordPerOffset, scene, scene.read(0, [three]), "I19");
});

test("I21: a record at two offsets", () => {
  const scene = new Scene();
  const one = scene.send();
  oneRecordPerOffset(scene.acknowledged(0, [one]), scene.model);
  violates(oneRecordPerOffset, scene, scene.read(1, [one]), "I21");
});

test("I23, I36: a record that was refused, of another place, or with other bytes", () => {
  const scene = new Scene();
  const sent = scene.send();
  const answer = scene.read(0, [sent]);
  noPhantom(answer, scene.model);
  const [record] = answer.records;
  violates(noPhantom, scene, { ...answer, records: [{ ...record!, timestamp: 1 }] }, "I36");
  violates(noPhantom, scene, { ...answer, records: [{ ...record!, headers: [], value: null }] }, "I23");
  const other = new TopicModel("other", "id", { partitions: 1, durability: "fsync", isRetained: false }).partitions[0]!;
  violates(noPhantom, scene, { ...answer, partition: other }, "I23");
  sent.outcome = "refused";
  violates(noPhantom, scene, answer, "I23");
});

test("I20, I24, I25: a read that leaves out, repeats, or goes beyond the high watermark", () => {
  const scene = new Scene();
  const sent = [scene.send(), scene.send(), scene.send()];
  const answer = scene.read(7, sent);
  consecutiveReads(answer, scene.model);
  violates(consecutiveReads, scene, { ...answer, asked: 6 }, "I20");
  violates(consecutiveReads, scene, { ...answer, records: [answer.records[0]!, answer.records[2]!] }, "I20");
  violates(consecutiveReads, scene, { ...answer, next: 11 }, "I25");
  violates(consecutiveReads, scene, { ...answer, highWatermark: 9 }, "I24");
  violates(consecutiveReads, scene, { ...answer, before: { highWatermark: 0, logStart: 8 } }, "I26");
});

test("I22: a record behind one that the same connection sent later", () => {
  const scene = new Scene();
  const [one, two, other] = [scene.send(1), scene.send(2), scene.send(0, "1/1")];
  sendOrder(scene.read(0, [one, other, two]), scene.model);
  violates(sendOrder, scene, scene.read(0, [two, other, one]), "I22");
});

test("I24, I26: a high watermark or a log start that goes back, a log start that nobody moved", () => {
  const scene = new Scene();
  const answer = scene.read(0, [scene.send(), scene.send()]);
  watermarks(answer, scene.model);
  violates(watermarks, scene, { ...answer, highWatermark: 1, before: { highWatermark: 2, logStart: 0 } }, "I24");
  violates(watermarks, scene, { ...answer, logStart: 1 }, "I26");
  scene.partition.trimAskedMax = 1;
  watermarks({ ...answer, logStart: 1 }, scene.model);
  violates(watermarks, scene, { ...answer, before: { highWatermark: 0, logStart: 1 } }, "I26");
});

test("I18: a log that ends below what was acknowledged, and a read that passes over it", () => {
  const scene = new Scene();
  const sent = [scene.send(), scene.send()];
  for (const check of [watermarks, acknowledgedKept]) check(scene.acknowledged(0, sent), scene.model);
  const { partition } = scene;
  watermarks({ kind: "whole", partition, logStart: 0, end: 2 }, scene.model);
  violates(watermarks, scene, { kind: "whole", partition, logStart: 0, end: 1 }, "I18");
  violates(acknowledgedKept, scene, { kind: "whole", partition, logStart: 0, end: 1 }, "I18");
  violates(watermarks, scene, {
    kind: "out-of-range",
    partition,
    asked: 2,
    earliest: 0,
    tail: 1,
    before: { strictEnd: 2 },
  }, "I18");
  violates(acknowledgedKept, scene, scene.read(0, [sent[0]!], { next: 2, highWatermark: 2 }), "I18");
});

test("I47: more requests in work, or more bytes held, than the bounds allow", () => {
  const bounds = { connectionRequestsInWorkMax: 3, connectionBytesMax: 500 };
  const bytesMax = 500 + 4 * MESSAGE_BYTES_MAX;
  checkBytesHeld({ requestsInWork: 3, heldBytes: bytesMax }, bounds);
  for (const held of [{ requestsInWork: 4, heldBytes: 0 }, { requestsInWork: 0, heldBytes: bytesMax + 1 }]) {
    assert.throws(
      () => checkBytesHeld(held, bounds),
      (thrown) => thrown instanceof Violation && thrown.invariant === "I47",
    );
  }
});

test("I28: a compacted topic without the newest acknowledged record of a key, or with offsets that go back", () => {
  const scene = new Scene("fsync", true);
  const { partition, model } = scene;
  const sent: SentRecord[] = [];
  // Few keys: among so many records some key comes twice.
  while (new Set(sent.map(({ key }) => key)).size === sent.length) sent.push(scene.send());
  const last = sent.length - 1;
  const superseded = sent.findIndex(({ key }) => key === sent[last]!.key);
  for (const check of [acknowledgedKept, oneRecordPerOffset]) check(scene.acknowledged(0, sent), model);
  const whole = { kind: "whole", partition, logStart: 0, end: sent.length } as const;
  const answer = { ...scene.read(0, sent), asked: null, next: sent.length, highWatermark: sent.length };
  const without = (index: number): ReadAnswer => ({
    ...answer,
    records: answer.records.filter((_, at) => at !== index),
  });
  for (const complete of [answer, without(superseded)]) {
    for (const check of [consecutiveReads, newestPerKey, acknowledgedKept]) check(complete, model);
    newestPerKey(whole, model);
  }
  newestPerKey(without(last), model);
  violates(newestPerKey, scene, whole, "I28");
  const backwards = [answer.records[1]!, answer.records[0]!];
  violates(consecutiveReads, scene, { ...answer, asked: 0, records: backwards }, "I20");
});

test("I28, I24: a lookup that answers an older record, a tombstone, another key, none, or from a time before it began", () => {
  const scene = new Scene("fsync", true);
  const { partition, model } = scene;
  const ofKey = (key: string, isTombstone: boolean): SentRecord => {
    for (;;) {
      const sent = scene.send();
      if (sent.key === key && sent.isTombstone === isTombstone) return sent;
      // It never reached the broker: what was not refused might be a tombstone that came.
      sent.outcome = "refused";
    }
  };
  const sent = [ofKey("01", false), ofKey("01", false), ofKey("02", false)];
  for (const check of [acknowledgedKept, oneRecordPerOffset]) check(scene.acknowledged(0, sent), model);
  assert.deepEqual(["01", "02", "03"].map((key) => newestAcknowledged(partition, key)), [1, 2, -1]);
  const lookup = (at: number | null, key = "01", more: Partial<LookupAnswer> = {}): LookupAnswer => ({
    kind: "lookup",
    partition,
    key,
    records: at === null ? [] : [scene.read(at, [sent[at]!]).records[0]!],
    highWatermark: 3,
    before: { highWatermark: 3, newest: newestAcknowledged(partition, key) },
    ...more,
  });
  newestOfKey(lookup(1), model);
  newestOfKey(lookup(null, "03"), model);
  violates(newestOfKey, scene, lookup(0), "I28");
  violates(newestOfKey, scene, lookup(2), "I28");
  violates(newestOfKey, scene, lookup(null), "I28");
  violates(newestOfKey, scene, lookup(1, "01", { highWatermark: 2 }), "I24");
  const tombstone = ofKey("01", true);
  newestOfKey(lookup(null), model);
  sent.push(tombstone);
  violates(newestOfKey, scene, lookup(3), "I28");
  tombstone.outcome = "refused";
  violates(newestOfKey, scene, lookup(null), "I28");
  partition.trimAskedMax = 2;
  newestOfKey(lookup(null), model);
});
