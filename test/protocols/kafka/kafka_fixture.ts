/** A real broker in memory behind a session, and a client that speaks in values. */
import { concatBytes } from "../../../src/bytes/concat.ts";
import type { Broker } from "../../../src/broker/broker.ts";
import type { BrokerOptions } from "../../../src/broker/broker_options.ts";
import { FetchSessions } from "../../../src/protocols/kafka/fetch_sessions.ts";
import { HandlerRegistry } from "../../../src/protocols/kafka/handler_registry.ts";
import { KAFKA_HANDLERS } from "../../../src/protocols/kafka/handlers.ts";
import { KafkaSession } from "../../../src/protocols/kafka/kafka_session.ts";
import type { KafkaApi } from "../../../src/protocols/kafka/wire/api.ts";
import { responseHeader } from "../../../src/protocols/kafka/wire/messages/headers.ts";
import { buildRecordBatch } from "../../../src/records/build_batch.ts";
import { compressBatch } from "../../../src/records/compressed_batch.ts";
import type { Codec } from "../../../src/platform/compression.ts";
import type { RecordInput } from "../../../src/records/record.ts";
import type { AnySchema, MessageInput, MessageValue } from "../../../src/schema/message_schema.ts";
import { SchemaReader } from "../../../src/schema/schema_reader.ts";
import { currentPlatform } from "../../adapters/current.ts";
import { openBroker } from "../../broker/broker_fixture.ts";
import type { ManualClock } from "../../manual_clock.ts";
import type { FaultyDisk } from "../../storage/faulty_disk.ts";
import { requestFrame } from "./request_frame.ts";

export interface KafkaFixture extends AsyncDisposable {
  readonly broker: Broker;
  readonly clock: ManualClock;
  readonly session: KafkaSession;
  /** The next calls come on a connection of their own. */
  reconnect(): void;
  /** Two at most, ten partitions in all. */
  readonly fetchSessions: FetchSessions;
  /** What our own bugs said. */
  readonly internalErrors: string[];
  /** Null: there was no response. */
  call<Q extends AnySchema, A extends AnySchema>(
    api: KafkaApi<Q, A>,
    apiVersion: number,
    value: MessageInput<Q>,
    options?: { readonly clientId?: string },
  ): Promise<MessageValue<A>>;
  /** As `call`, but the response is not read. */
  send<Q extends AnySchema>(api: KafkaApi<Q>, apiVersion: number, value: MessageInput<Q>): Promise<Uint8Array | null>;
}

export async function openKafka(options: Partial<BrokerOptions> = {}, disk?: FaultyDisk): Promise<KafkaFixture> {
  const { broker, clock, ...opened } = await openBroker(options, disk);
  broker.setEndpoints({ id: 1, host: "broker.test", port: 9092, http: null });
  const internalErrors: string[] = [];
  const { random } = currentPlatform({ memory: true });
  const fetchSessions = new FetchSessions({ clock, random, sessionsMax: 2, partitionsMax: 10 });
  const open = (): KafkaSession =>
    new KafkaSession(
      { broker, clock, nodeId: 1, fetchSessions, onInternalError: (error) => internalErrors.push(String(error.cause)) },
      new HandlerRegistry(KAFKA_HANDLERS),
      "10.0.0.1:5000",
    );
  let session = open();
  const send: KafkaFixture["send"] = async (api, apiVersion, value) => {
    const reply = await session.handle(requestFrame(api, apiVersion, value).subarray(4));
    return reply === null ? null : concatBytes(reply);
  };
  return {
    broker,
    clock,
    fetchSessions,
    get session() {
      return session;
    },
    reconnect: () => {
      session = open();
    },
    internalErrors,
    send,
    async call<Q extends AnySchema, A extends AnySchema>(
      api: KafkaApi<Q, A>,
      apiVersion: number,
      value: MessageInput<Q>,
      request: { readonly clientId?: string } = {},
    ): Promise<MessageValue<A>> {
      const reply = await session.handle(requestFrame(api, apiVersion, value, request).subarray(4));
      if (reply === null) throw new Error(`${api.name} was not answered`);
      return readResponse(api, apiVersion, concatBytes(reply));
    },
    async [Symbol.asyncDispose]() {
      await opened[Symbol.asyncDispose]();
    },
  };
}

/** A whole response frame as a value; anything that is not exactly one throws. */
export function readResponse<A extends AnySchema>(
  api: KafkaApi<AnySchema, A>,
  apiVersion: number,
  frame: Uint8Array,
): MessageValue<A> {
  const reader = new SchemaReader(frame);
  const length = reader.int32();
  if (length !== frame.length - 4) throw new Error(`${api.name}: length ${length}, ${frame.length - 4} bytes`);
  const hasTags = api.response.isFlexible(apiVersion) && api.key !== 18;
  responseHeader.read(reader, hasTags ? 1 : 0);
  const value = api.response.read(reader, apiVersion);
  reader.finish();
  if (reader.fault !== null) throw new Error(`${api.name} v${apiVersion}: ${reader.fault}`);
  return value as MessageValue<A>;
}

/** A batch as a producer sends it. */
export function batchOf(values: readonly string[], options: { key?: string; timestamp?: number } = {}): Uint8Array {
  return buildRecordBatch(values.map((value) => recordOf(value, options)), { nowMs: 0 }).bytes;
}

export async function compressedBatchOf(codec: Codec, values: readonly string[]): Promise<Uint8Array> {
  const batch = buildRecordBatch(values.map((value) => recordOf(value, {})), { nowMs: 0 });
  return (await compressBatch(batch, codec, currentPlatform({ memory: true }).compression)).bytes;
}

function recordOf(value: string, { key, timestamp }: { key?: string; timestamp?: number }): RecordInput {
  const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
  return {
    key: key === undefined ? null : utf8(key),
    value: utf8(value),
    headers: [],
    ...(timestamp === undefined ? {} : { timestamp }),
  };
}
