/** Bytes that Kafka 4.3.1's own classes wrote (`*Data.write`): ours writes the same, and reads them back. */
import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { decodeHex, encodeHex } from "../../../src/bytes/hex.ts";
import { describeTopicPartitionsRequest } from "../../../src/protocols/kafka/wire/messages/describe_topic_partitions.ts";
import { fetchRequest, fetchResponse } from "../../../src/protocols/kafka/wire/messages/fetch.ts";
import { metadataResponse } from "../../../src/protocols/kafka/wire/messages/metadata.ts";
import { produceResponse } from "../../../src/protocols/kafka/wire/messages/produce.ts";
import type { Fields } from "../../../src/schema/field.ts";
import { consumerProtocolSubscription } from "../../../src/schema/internal/consumer_protocol.ts";
import { isSchemaFault, type MessageSchema } from "../../../src/schema/message_schema.ts";

const TOPIC_ID = "e4bX26ysSFO_tddX9UbF8g";

function check<F extends Fields>(
  schema: MessageSchema<F>,
  version: number,
  value: Parameters<MessageSchema<F>["encode"]>[0],
  bytes: string,
): void {
  equal(encodeHex(schema.encode(value, version)), bytes);
  const read = schema.decode(decodeHex(bytes)!, version);
  equal(isSchemaFault(read), false);
  // What was read says the same when it is written again: nothing was lost on the way.
  deepEqual(encodeHex(schema.encode(read as typeof value, version)), bytes);
}

test("Fetch request v17, with topic ids and a tagged cluster id", () => {
  check(
    fetchRequest,
    17,
    {
      clusterId: "c",
      maxWaitMs: 500,
      minBytes: 1,
      maxBytes: 1_000,
      sessionId: 7,
      sessionEpoch: 2,
      rackId: "r",
      forgottenTopicsData: [],
      topics: [{
        topicId: TOPIC_ID,
        partitions: [{ partition: 3, fetchOffset: 2 ** 40, partitionMaxBytes: 99, currentLeaderEpoch: 4 }],
      }],
    },
    "000001f400000001000003e8000000000700000002027b86d7dbacac4853bfb5d757f546c5f2020000000300000004000001" +
      "0000000000ffffffffffffffffffffffff0000006300000102720100020263",
  );
});

test("Fetch response v16, with tagged structs and endpoints", () => {
  check(
    fetchResponse,
    16,
    {
      throttleTimeMs: 1,
      sessionId: 9,
      responses: [{
        topicId: TOPIC_ID,
        partitions: [{
          partitionIndex: 1,
          errorCode: 6,
          highWatermark: 10,
          lastStableOffset: 8,
          logStartOffset: 2,
          abortedTransactions: [{ producerId: 5, firstOffset: 6 }],
          divergingEpoch: { epoch: 3, endOffset: 4 },
          currentLeader: { leaderId: 2, leaderEpoch: 7 },
          records: new Uint8Array(0),
        }],
      }],
      nodeEndpoints: [{ nodeId: 2, host: "h", port: 9092 }],
    },
    "00000001000000000009027b86d7dbacac4853bfb5d757f546c5f202000000010006000000000000000a0000000000000008" +
      "0000000000000002020000000000000005000000000000000600ffffffff0102000d00000003000000000000000400010900" +
      "00000200000007000001000d02000000020268000023840000",
  );
});

const METADATA = {
  brokers: [{ nodeId: 1, host: "b", port: 9092, rack: "x" }],
  clusterId: "id",
  controllerId: 1,
  topics: [{
    errorCode: 0,
    name: "t",
    topicId: TOPIC_ID,
    isInternal: true,
    partitions: [{
      errorCode: 0,
      partitionIndex: 0,
      leaderId: 1,
      leaderEpoch: 2,
      replicaNodes: [1, 2],
      isrNodes: [1],
      offlineReplicas: [2],
    }],
  }],
};

test("Metadata response v12", () => {
  check(
    metadataResponse,
    12,
    METADATA,
    "0000000002000000010262000023840278000369640000000102000002747b86d7dbacac4853bfb5d757f546c5f201020000" +
      "0000000000000001000000020300000001000000020200000001020000000200800000000000",
  );
});

test("Metadata response v5, which is not flexible and drops what it cannot say", () => {
  check(
    metadataResponse,
    5,
    METADATA,
    "0000000000000001000000010001620000238400017800026964000000010000000100000001740100000001000000000000" +
      "0000000100000002000000010000000200000001000000010000000100000002",
  );
});

test("Produce response v8, with record errors", () => {
  check(
    produceResponse,
    8,
    {
      responses: [{
        name: "t",
        partitionResponses: [{
          index: 1,
          errorCode: 87,
          baseOffset: -1,
          errorMessage: "bad",
          recordErrors: [{ batchIndex: 2, batchIndexErrorMessage: "null key" }],
        }],
      }],
    },
    "0000000100017400000001000000010057ffffffffffffffffffffffffffffffffffffffffffffffff000000010000000200" +
      "086e756c6c206b6579000362616400000000",
  );
});

test("DescribeTopicPartitions request v0, with a nullable struct", () => {
  check(describeTopicPartitionsRequest, 0, {
    topics: [{ name: "a" }],
    cursor: { topicName: "a", partitionIndex: 4 },
  }, "02026100000007d0010261000000040000");
});

test("ConsumerProtocol subscription v3", () => {
  check(consumerProtocolSubscription, 3, {
    topics: ["a", "b"],
    userData: null,
    ownedPartitions: [{ topic: "a", partitions: [0, 1] }],
    generationId: 3,
    rackId: "r",
  }, "00000002000161000162ffffffff0000000100016100000002000000000000000100000003000172");
});
