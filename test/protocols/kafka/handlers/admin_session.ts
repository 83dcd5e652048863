/** A Kafka session over a whole broker in memory, whose clock the test moves. */
import { equal } from "node:assert/strict";
import type { Broker } from "../../../../src/broker/broker.ts";
import type { BrokerOptions } from "../../../../src/broker/broker_options.ts";
import { concatBytes } from "../../../../src/bytes/concat.ts";
import { HandlerRegistry } from "../../../../src/protocols/kafka/handler_registry.ts";
import { KAFKA_HANDLERS } from "../../../../src/protocols/kafka/handlers.ts";
import { KafkaSession } from "../../../../src/protocols/kafka/kafka_session.ts";
import type { KafkaApi } from "../../../../src/protocols/kafka/wire/api.ts";
import type { AnySchema, MessageInput, MessageValue } from "../../../../src/schema/message_schema.ts";
import { SchemaReader } from "../../../../src/schema/schema_reader.ts";
import { openBroker } from "../../../broker/broker_fixture.ts";
import { ManualClock } from "../../../manual_clock.ts";
import type { FaultyDisk } from "../../../storage/faulty_disk.ts";
import { requestFrame } from "../request_frame.ts";

export interface AdminSession extends AsyncDisposable {
  readonly broker: Broker;
  readonly disk: FaultyDisk;
  readonly clock: ManualClock;
  /** Failures that are our own bugs. */
  readonly internal: string[];
  /** Sends a request at a version and reads the whole response. Fails where the connection ends. */
  ask<Q extends AnySchema, A extends AnySchema>(
    api: KafkaApi<Q, A>,
    version: number,
    request: MessageInput<Q>,
  ): Promise<MessageValue<A>>;
}

export async function openAdminSession(
  options: Partial<BrokerOptions> = {},
  disk?: FaultyDisk,
): Promise<AdminSession> {
  const clock = new ManualClock();
  const opened = await openBroker(options, disk, clock);
  const internal: string[] = [];
  const services = {
    broker: opened.broker,
    clock,
    nodeId: 1,
    onInternalError: (error: Error) => void internal.push(String(error.cause)),
  };
  const session = new KafkaSession(services, new HandlerRegistry(KAFKA_HANDLERS), "127.0.0.1:5");
  return {
    broker: opened.broker,
    disk: opened.disk,
    clock,
    internal,
    async ask(api, version, request) {
      const slices = await session.handle(requestFrame(api, version, request).subarray(4));
      const bytes = concatBytes([...slices!]).subarray(4 + (api.response.isFlexible(version) ? 5 : 4));
      const reader = new SchemaReader(bytes);
      const answer = api.response.read(reader, version);
      equal(reader.fault, null);
      equal(reader.left, 0);
      return answer as never;
    },
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}
