/** What applications and the CLI use to speak native frames with a broker. */
import { SentinelError } from "../base/errors.ts";
import type { Offset, PartitionId, TimestampMs } from "../base/ids.ts";
import { LIMITS } from "../base/limits.ts";
import type { Clock } from "../platform/clock.ts";
import type { Address, Network } from "../platform/network.ts";
import { MESSAGE_TYPES, type MessageName, PROTOCOL_VERSIONS } from "../protocols/native/wire/message_types.ts";
import { type Payload, readPayload, writePayload } from "../protocols/native/wire/payload.ts";
import {
  type CreateTopicReply,
  createTopicReply,
  type DescribeTopicReply,
  describeTopicReply,
  emptyReply,
  fetchReply,
  getByKeyReply,
  type HelloReply,
  helloReply,
  type MetadataReply,
  metadataReply,
  type OffsetsReply,
  offsetsReply,
  type ProduceReply,
  produceReply,
} from "../protocols/native/wire/replies.ts";
import { buildRecordBatch } from "../records/build_batch.ts";
import type { RecordInput, StoredRecord } from "../records/record.ts";
import type { RecordBatch } from "../records/record_batch.ts";
import type { z } from "zod";
import { NativeGroups } from "./native_groups.ts";
import { RequestPipe } from "./request_pipe.ts";
import { storedRecordFromCbor } from "./stored_record.ts";

export interface NativeClientOptions {
  /** Name and version of the program, for the broker's log. */
  readonly clientName?: string;
  /** How long a request may take; a fetch has its own wait on top. Default 10 s (facts 1.6). */
  readonly requestTimeoutMs?: number;
}

export interface ProduceParameters {
  readonly topic: string;
  /** None: the broker picks one, for the whole call. */
  readonly partition?: PartitionId;
  /** Default "all". */
  readonly acks?: "all" | "leader" | "none";
}

export interface FetchParameters {
  readonly topic: string;
  readonly partition: PartitionId;
  readonly offset: Offset | "earliest" | "latest";
  readonly maxBytes?: number;
  readonly maxRecords?: number;
  readonly waitMs?: number;
  readonly minBytes?: number;
}

export interface FetchedRecords {
  readonly records: readonly StoredRecord[];
  /** The offset to ask for next. */
  readonly next: Offset;
  readonly highWatermark: Offset;
  readonly logStart: Offset;
}

export interface GetByKeyParameters {
  readonly topic: string;
  readonly key: Uint8Array;
  /** None: the one that the broker's partitioner gives to the key. */
  readonly partition?: PartitionId;
  readonly waitMs?: number;
}

export interface FoundRecord {
  readonly partition: PartitionId;
  /** What was found is true as of it. */
  readonly highWatermark: Offset;
  /** Null: no record below `highWatermark` has the key, or the newest one deletes it. */
  readonly record: StoredRecord | null;
}

const REQUEST_TIMEOUT_MS = 10_000;

/**
 * Connects and says hello. Fails with the network's `PlatformError`, or with the broker's own error when the two have
 * no version in common.
 */
export async function connectNative(
  network: Network,
  clock: Clock,
  address: Address,
  options: NativeClientOptions = {},
): Promise<NativeClient> {
  const connection = await network.connect(address);
  const client = new NativeClient(new RequestPipe(connection, clock), clock, options);
  try {
    await client.hello(options.clientName ?? "sentinel-client");
    return client;
  } catch (thrown) {
    client.close();
    throw thrown;
  }
}

/**
 * One connection to one broker. Calls may overlap; those that produce reach the broker in the order of the calls. Every
 * method fails with the broker's `SentinelError`, with `timed_out`, or with a `PlatformError` when the connection is
 * gone, which it then stays: connect again.
 */
export class NativeClient {
  readonly #pipe: RequestPipe;
  readonly #clock: Clock;
  readonly #requestTimeoutMs: number;
  readonly groups: NativeGroups;

  constructor(pipe: RequestPipe, clock: Clock, options: NativeClientOptions) {
    this.#pipe = pipe;
    this.#clock = clock;
    this.#requestTimeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
    this.groups = new NativeGroups((name, request, schema, waitMs = 0) =>
      this.#ask(name, request, schema, this.#requestTimeoutMs + waitMs)
    );
  }

  hello(clientName: string): Promise<HelloReply> {
    return this.#ask("hello", { versions: PROTOCOL_VERSIONS, client: clientName }, helloReply);
  }

  /** Records as one Kafka batch, built here: at least one, and together at most the topic's `max.message.bytes`. */
  produce(parameters: ProduceParameters, records: readonly RecordInput[]): Promise<ProduceReply> {
    if (records.length === 0) return Promise.reject(new SentinelError("invalid_request", "There is no record to send"));
    return this.produceBatch(parameters, buildRecordBatch(records, { nowMs: this.#clock.nowMs() }));
  }

  produceBatch(parameters: ProduceParameters, batch: RecordBatch): Promise<ProduceReply> {
    return this.#ask("produce", { ...parameters, batch: batch.bytes }, produceReply);
  }

  /** Records as maps, each with a partition of its own if it has one: the broker's partitioner sees the keys. */
  produceRecords(
    parameters: ProduceParameters,
    records: readonly (RecordInput & { readonly partition?: PartitionId })[],
  ): Promise<ProduceReply> {
    const list = records.map(({ key, value, headers, timestamp, partition }) => ({
      key,
      value,
      headers: headers.map((header) => [header.key, header.value]),
      ...(timestamp === undefined ? {} : { timestamp }),
      ...(partition === undefined ? {} : { partition }),
    }));
    return this.#ask("produce", { ...parameters, records: list }, produceReply);
  }

  async fetch(parameters: FetchParameters): Promise<FetchedRecords> {
    const timeoutMs = this.#requestTimeoutMs + (parameters.waitMs ?? 0);
    const reply = await this.#ask("fetch", { ...parameters }, fetchReply, timeoutMs);
    return { ...reply, records: reply.records.map(storedRecordFromCbor) };
  }

  /** The newest committed record of a key in a compacted topic. Waits up to `waitMs` (10 s) for an index that is behind. */
  async getByKey({ topic, key, partition, waitMs }: GetByKeyParameters): Promise<FoundRecord> {
    const request = {
      topic,
      key,
      ...(partition === undefined ? {} : { partition }),
      ...(waitMs === undefined ? {} : { waitMs }),
    };
    const timeoutMs = this.#requestTimeoutMs + (waitMs ?? LIMITS.keyLookupWaitMsDefault);
    const { record, ...found } = await this.#ask("getByKey", request, getByKeyReply, timeoutMs);
    return { ...found, record: record === null ? null : storedRecordFromCbor(record) };
  }

  /** All topics when none is named. A topic that does not exist comes with its error's code. */
  metadata(topics?: readonly string[]): Promise<MetadataReply> {
    return this.#ask("metadata", topics === undefined ? {} : { topics }, metadataReply);
  }

  offsets(topic: string, partition: PartitionId, at: "earliest" | "latest" | TimestampMs): Promise<OffsetsReply> {
    return this.#ask("offsets", { topic, partition, at }, offsetsReply);
  }

  createTopic(
    topic: string,
    options: { partitions?: number; replicas?: number; config?: Readonly<Record<string, string>> } = {},
  ): Promise<CreateTopicReply> {
    return this.#ask("createTopic", { topic, ...options }, createTopicReply);
  }

  async deleteTopic(topic: string): Promise<void> {
    await this.#ask("deleteTopic", { topic }, emptyReply);
  }

  async alterTopic(
    topic: string,
    change: { partitions?: number; config?: Readonly<Record<string, string | null>> },
  ): Promise<void> {
    await this.#ask("alterTopic", { topic, ...change }, emptyReply);
  }

  describeTopic(topic: string): Promise<DescribeTopicReply> {
    return this.#ask("describeTopic", { topic }, describeTopicReply);
  }

  async ping(): Promise<void> {
    await this.#ask("ping", {}, emptyReply);
  }

  /** Requests under way fail with `closed`. Idempotent. */
  close(): void {
    this.#pipe.close();
  }

  async #ask<Schema extends z.ZodType>(
    name: MessageName,
    request: Payload,
    schema: Schema,
    timeoutMs: number = this.#requestTimeoutMs,
  ): Promise<z.output<Schema>> {
    const payload = await this.#pipe.request(MESSAGE_TYPES[name], writePayload(request), timeoutMs);
    // A full fetch has more items than a request may; an item takes a byte at least, so the frame bounds them.
    return readPayload(payload, schema, payload.length);
  }
}
