import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { fetchApi, type FetchRequest } from "../../../src/protocols/kafka/wire/messages/fetch.ts";
import type { MessageInput } from "../../../src/schema/message_schema.ts";
import { parseRecordBatch, RecordBatch } from "../../../src/records/record_batch.ts";
import { produce } from "../../broker/broker_fixture.ts";
import { type KafkaFixture, openKafka } from "./kafka_fixture.ts";

type FetchInput = MessageInput<typeof fetchApi.request>;
type PartitionInput = Partial<FetchRequest["topics"][number]["partitions"][number]>;

async function open(count = 3): Promise<KafkaFixture> {
  const kafka = await openKafka();
  await kafka.broker.createTopic("orders", { partitions: 2 });
  for (let index = 0; index < count; index += 1) await produce(kafka.broker, "orders", `value ${index}`, 0);
  return kafka;
}

function request(partitions: readonly PartitionInput[], more: Partial<FetchInput> = {}, topic = "orders"): FetchInput {
  return {
    maxWaitMs: 0,
    minBytes: 1,
    forgottenTopicsData: [],
    topics: [{
      topic,
      partitions: partitions.map((partition) => ({
        partition: 0,
        fetchOffset: 0,
        partitionMaxBytes: 1_000_000,
        ...partition,
      })),
    }],
    ...more,
  };
}

async function fetchPartitions(kafka: KafkaFixture, input: FetchInput, version = 12) {
  const answer = await kafka.call(fetchApi, version, input);
  return answer.responses.flatMap(({ partitions }) => partitions);
}

/** Base offsets of the batches in a partition's records. */
function baseOffsets(records: Uint8Array | null): number[] {
  ok(records !== null, "Records are never null");
  const offsets: number[] = [];
  for (let at = 0; at < records.length;) {
    const batch = parseRecordBatch(records, at, { verifyCrc: true, batchBytesMax: 1_000_000 });
    ok(batch instanceof RecordBatch);
    offsets.push(batch.baseOffset);
    at += batch.sizeBytes;
  }
  return offsets;
}

test("Fetch gives whole batches from the one that holds the offset, with the partition's ends", async () => {
  await using kafka = await open();
  const [first, second] = await fetchPartitions(kafka, request([{ fetchOffset: 1 }, { partition: 1 }]));
  deepEqual(baseOffsets(first!.records), [1, 2]);
  deepEqual(
    { ...first, records: null },
    {
      partitionIndex: 0,
      errorCode: 0,
      highWatermark: 3,
      lastStableOffset: 3,
      logStartOffset: 0,
      divergingEpoch: { epoch: -1, endOffset: -1 },
      currentLeader: { leaderId: -1, leaderEpoch: -1 },
      snapshotId: { endOffset: -1, epoch: -1 },
      abortedTransactions: null,
      preferredReadReplica: -1,
      records: null,
    },
  );
  deepEqual([second!.errorCode, second!.highWatermark, baseOffsets(second!.records)], [0, 0, []]);
});

test("aborted transactions are a list for readers of what is committed, null for the others", async () => {
  await using kafka = await open();
  const [committed] = await fetchPartitions(kafka, request([{}], { isolationLevel: 1 }));
  deepEqual(committed!.abortedTransactions, []);
});

test("the first batch comes whole whatever the limits; a later partition whose batch does not fit is empty", async () => {
  await using kafka = await open();
  await produce(kafka.broker, "orders", "other", 1);
  const [first, second] = await fetchPartitions(
    kafka,
    request([{ partitionMaxBytes: 1 }, { partition: 1 }], { maxBytes: 1 }),
  );
  deepEqual([baseOffsets(first!.records), baseOffsets(second!.records)], [[0], []]);
  const [none, all] = await fetchPartitions(
    kafka,
    request([{ fetchOffset: 3 }, { partition: 1, partitionMaxBytes: 1 }], { maxBytes: 1 }),
  );
  deepEqual([baseOffsets(none!.records), baseOffsets(all!.records)], [[], [0]]);
});

test("a fault of a partition has Kafka's number and no offsets; the others are answered", async () => {
  await using kafka = await open();
  const answers = await fetchPartitions(
    kafka,
    request([
      { fetchOffset: 4 },
      { fetchOffset: -1 },
      { partition: 9 },
      { currentLeaderEpoch: 1 },
      { currentLeaderEpoch: 0, fetchOffset: 3 },
    ]),
  );
  deepEqual(answers.map(({ errorCode, highWatermark }) => [errorCode, highWatermark]), [
    [1, -1],
    [1, -1],
    [3, -1],
    [75, -1],
    [0, 3],
  ]);
  const [missing] = await fetchPartitions(kafka, request([{}], {}, "missing"));
  equal(missing!.errorCode, 3);
});

test("from version 13 on topics have ids, and one that is gone is answered 100 without a wait", async () => {
  await using kafka = await open();
  const { topicId } = kafka.broker.describeTopic("orders")!;
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000 }];
  const input = {
    maxWaitMs: 60_000,
    minBytes: 10_000_000,
    forgottenTopicsData: [],
    topics: [{ topicId, partitions }, { topicId: "AAAAAAAAAAAAAAAAAAAABQ", partitions }],
  };
  const answer = await kafka.call(fetchApi, 17, input);
  deepEqual(
    answer.responses.map((topic) => [topic.topicId, topic.partitions[0]!.errorCode]),
    [[topicId, 0], ["AAAAAAAAAAAAAAAAAAAABQ", 100]],
  );
});

test("a fetch waits for its bytes, and answers when they come, when its time is over, or when the connection ends", async () => {
  await using kafka = await open(0);
  const waiting = fetchPartitions(kafka, request([{}], { maxWaitMs: 1_000 }));
  await produce(kafka.broker, "orders", "late", 0);
  deepEqual(baseOffsets((await waiting)[0]!.records), [0]);

  const timers = kafka.clock.pending;
  const untilTime = fetchPartitions(kafka, request([{ fetchOffset: 1 }], { maxWaitMs: 1_000 }));
  while (kafka.clock.pending === timers) await new Promise((resolve) => setTimeout(resolve));
  kafka.clock.advance(1_000);
  deepEqual(baseOffsets((await untilTime)[0]!.records), []);

  const untilEnd = fetchPartitions(kafka, request([{ fetchOffset: 1 }], { maxWaitMs: 1_000 }));
  kafka.session.endWaits();
  deepEqual(baseOffsets((await untilEnd)[0]!.records), []);
});

test("a session that is not there is not found", async () => {
  await using kafka = await open();
  const unknown = await kafka.call(fetchApi, 12, request([{}], { sessionId: 7, sessionEpoch: 3 }));
  deepEqual([unknown.errorCode, unknown.sessionId, unknown.responses], [70, 0, []]);
});

test("a reader whose last record is of an epoch that the log never had is told where to look", async () => {
  await using kafka = await open();
  const [fine] = await fetchPartitions(kafka, request([{ fetchOffset: 2, lastFetchedEpoch: 0 }]));
  deepEqual([fine!.errorCode, baseOffsets(fine!.records)], [0, [2]]);
  const [newer] = await fetchPartitions(kafka, request([{ fetchOffset: 2, lastFetchedEpoch: 3 }]));
  equal(newer!.errorCode, 1);
});

test("a follower is refused", async () => {
  await using kafka = await open();
  const answer = await kafka.call(fetchApi, 12, request([{}], { replicaId: 2 }));
  deepEqual([answer.errorCode, answer.responses], [31, []]);
});
