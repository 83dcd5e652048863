/** InitProducerId and DescribeProducers, as frames. */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { test } from "node:test";
import { concatBytes } from "../../../../src/bytes/concat.ts";
import { HandlerRegistry } from "../../../../src/protocols/kafka/handler_registry.ts";
import { describeProducersHandler } from "../../../../src/protocols/kafka/handlers/describe_producers.ts";
import { initProducerIdHandler } from "../../../../src/protocols/kafka/handlers/init_producer_id.ts";
import { KafkaSession } from "../../../../src/protocols/kafka/kafka_session.ts";
import type { KafkaApi } from "../../../../src/protocols/kafka/wire/api.ts";
import { describeProducersApi } from "../../../../src/protocols/kafka/wire/messages/describe_producers.ts";
import { initProducerIdApi } from "../../../../src/protocols/kafka/wire/messages/init_producer_id.ts";
import type { AnySchema, MessageInput } from "../../../../src/schema/message_schema.ts";
import { SchemaReader } from "../../../../src/schema/schema_reader.ts";
import { ManualClock } from "../../../manual_clock.ts";
import { FakeBroker } from "../../fake_broker.ts";
import { requestFrame } from "../request_frame.ts";

function open() {
  const broker = new FakeBroker();
  const session = new KafkaSession(
    { broker, clock: new ManualClock(), nodeId: 1, onInternalError: () => {} },
    new HandlerRegistry([initProducerIdHandler, describeProducersHandler]),
    "127.0.0.1:5",
  );
  return { broker, session };
}

/** Length, correlation id, and in flexible versions a byte of tags. */
async function ask<Q extends AnySchema, A extends AnySchema>(
  session: KafkaSession,
  api: KafkaApi<Q, A>,
  version: number,
  request: MessageInput<Q>,
): Promise<Record<string, unknown>> {
  const slices = await session.handle(requestFrame(api, version, request).subarray(4));
  const bytes = concatBytes([...slices!]).subarray(4 + (api.request.isFlexible(version) ? 5 : 4));
  const reader = new SchemaReader(bytes);
  const answer = api.response.read(reader, version) as Record<string, unknown>;
  equal(reader.fault, null);
  equal(reader.left, 0);
  return answer;
}

const idempotent = { transactionalId: null, transactionTimeoutMs: 60_000 };

test("InitProducerId gives a new id with epoch 0 in every version, whatever the request names", async () => {
  const { session } = open();
  for (let version = 0; version <= 5; version++) {
    const request = version < 3 ? idempotent : { ...idempotent, producerId: 77, producerEpoch: 5 };
    const { errorCode, producerId, producerEpoch } = await ask(session, initProducerIdApi, version, request);
    deepEqual({ errorCode, producerId, producerEpoch }, { errorCode: 0, producerId: version, producerEpoch: 0 });
  }
});

test("InitProducerId with a transactional id is final: there are no transactions", async () => {
  const { broker, session } = open();
  for (const [transactionalId, errorCode] of [["orders", 53], ["", 42]] as const) {
    const answer = await ask(session, initProducerIdApi, 5, { ...idempotent, transactionalId });
    deepEqual([answer["errorCode"], answer["producerId"], answer["producerEpoch"]], [errorCode, -1, -1]);
  }
  equal(broker.producerIds, 0);
});

test("InitProducerId refuses an id without its epoch, and an epoch without its id", async () => {
  const { broker, session } = open();
  for (const half of [{ producerId: 5, producerEpoch: -1 }, { producerId: -1, producerEpoch: 5 }]) {
    const answer = await ask(session, initProducerIdApi, 5, { ...idempotent, ...half });
    deepEqual([answer["errorCode"], answer["producerId"], answer["producerEpoch"]], [42, -1, -1]);
  }
  equal(broker.producerIds, 0);
});

test("InitProducerId does not serve version 6", async () => {
  const { session } = open();
  await rejects(session.handle(requestFrame(initProducerIdApi, 6, idempotent).subarray(4)));
});

test("DescribeProducers tells each partition's producers, and faults in their own partition", async () => {
  const { broker, session } = open();
  await broker.createTopic("orders", { partitions: 2 });
  broker.producers = [{ producerId: 5n, epoch: 1, lastSequence: 41, lastTimestamp: 1_700_000_000_000 }];
  const answer = await ask(session, describeProducersApi, 0, {
    topics: [{ name: "orders", partitionIndexes: [1, 9] }, { name: "none", partitionIndexes: [0] }],
  });
  const producer = {
    producerId: 5,
    producerEpoch: 1,
    lastSequence: 41,
    lastTimestamp: 1_700_000_000_000,
    coordinatorEpoch: -1,
    currentTxnStartOffset: -1,
  };
  deepEqual(answer["topics"], [
    {
      name: "orders",
      partitions: [
        { partitionIndex: 1, errorCode: 0, errorMessage: null, activeProducers: [producer] },
        { partitionIndex: 9, errorCode: 3, errorMessage: "orders-9 does not exist", activeProducers: [] },
      ],
    },
    {
      name: "none",
      partitions: [{ partitionIndex: 0, errorCode: 3, errorMessage: "none-0 does not exist", activeProducers: [] }],
    },
  ]);
});

test("DescribeProducers answers no more than its bound", async () => {
  const { broker, session } = open();
  await broker.createTopic("orders");
  broker.producers = Array.from({ length: 60_000 }, (_, index) => (
    { producerId: BigInt(index), epoch: 0, lastSequence: 0, lastTimestamp: 0 }
  ));
  const answer = await ask(session, describeProducersApi, 0, {
    topics: [{ name: "orders", partitionIndexes: [0, 0] }],
  });
  const [topic] = answer["topics"] as { partitions: { errorCode: number; activeProducers: unknown[] }[] }[];
  deepEqual(topic!.partitions.map(({ activeProducers }) => activeProducers.length), [60_000, 0]);
  equal(topic!.partitions[1]!.errorCode, 19);
});
