import type { Offset, PartitionId } from "../base/ids.ts";
import { LIMITS } from "../base/limits.ts";
import type { NativeClient, ProduceParameters } from "../client/native_client.ts";
import { recordBytes } from "../records/build_batch.ts";
import type { RecordInput } from "../records/record.ts";
import { BATCH_HEADER_BYTES } from "../records/record_batch.ts";

/** What one request carries at most: large enough for speed, small enough that the broker's queue stays fair. */
const REQUEST_BYTES = 512 * 1024;
/** Requests under way: hides the way to the broker and its sync. Each holds `REQUEST_BYTES`. */
const REQUESTS_IN_FLIGHT_MAX = 8;

export interface RecordSenderOptions extends ProduceParameters {
  /** The topic's `max.message.bytes`, so that no batch is refused for what its records together make. */
  readonly batchBytesMax: number;
}

/** A record and the partition that it names itself, if it does. */
export interface SentRecord {
  readonly record: RecordInput;
  readonly partition?: PartitionId;
}

/**
 * Cuts a stream of records into requests and keeps a few of them under way, in order. While nothing is under way, `idle`
 * sends at once what is there; else records gather until the request is full. So a slow source sees no delay and a fast
 * one full requests, without a timer.
 */
export class RecordSender {
  readonly #client: NativeClient;
  readonly #options: RecordSenderOptions;
  readonly #bytesMax: number;
  #pending: SentRecord[] = [];
  #pendingBytes = BATCH_HEADER_BYTES;
  #arePlain = true;
  readonly #inFlight: Set<Promise<void>> = new Set();
  #fault: { readonly reason: unknown } | null = null;
  #firstOffset: Offset | null = null;
  #acknowledged = 0;

  constructor(client: NativeClient, options: RecordSenderOptions) {
    this.#client = client;
    this.#options = options;
    this.#bytesMax = Math.min(REQUEST_BYTES, options.batchBytesMax);
  }

  /** Records that the broker has acknowledged (with acks none: that were sent). */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Offset of the first record of the first request that was acknowledged; null with acks none. */
  get firstOffset(): Offset | null {
    return this.#firstOffset;
  }

  /** Adds a record. A promise: too much is under way, wait for it before the next one. Fails as an earlier request did. */
  add(sent: SentRecord): Promise<void> | null {
    // Timestamps are stored as differences from the batch's first, at worst as large as they are themselves.
    const bytes = recordBytes(sent.record, this.#pending.length, sent.record.timestamp ?? 0);
    // The partitioner that looks at keys is the broker's, and it takes records, not batches.
    const isPlain = sent.partition === undefined &&
      (sent.record.key === null || this.#options.partition !== undefined);
    const isFull = this.#pending.length > 0 &&
      (this.#pendingBytes + bytes > this.#bytesMax || isPlain !== this.#arePlain ||
        (!isPlain && this.#pending.length === LIMITS.produceRecordsMax));
    if (isFull) this.#send();
    this.#arePlain = isPlain;
    this.#pending.push(sent);
    this.#pendingBytes += bytes;
    if (this.#fault !== null) return Promise.reject(this.#fault.reason);
    return this.#inFlight.size >= REQUESTS_IN_FLIGHT_MAX ? this.#untilRoom() : null;
  }

  /** The source has nothing more just now. */
  idle(): void {
    if (this.#inFlight.size === 0) this.#send();
  }

  /** Sends what is left and waits for every answer. Fails with the first failure. */
  async finish(): Promise<void> {
    this.#send();
    while (this.#inFlight.size > 0) await Promise.race(this.#inFlight);
    if (this.#fault !== null) throw this.#fault.reason;
  }

  async #untilRoom(): Promise<void> {
    while (this.#inFlight.size >= REQUESTS_IN_FLIGHT_MAX) await Promise.race(this.#inFlight);
    if (this.#fault !== null) throw this.#fault.reason;
  }

  #send(): void {
    // After a failure nothing more is sent: a stream with a hole in it is worse than one that ends.
    if (this.#pending.length === 0 || this.#fault !== null) return;
    const records = this.#pending;
    const isPlain = this.#arePlain;
    this.#pending = [];
    this.#pendingBytes = BATCH_HEADER_BYTES;
    const request: Promise<void> = this.#request(records, isPlain).then(
      () => this.#done(request),
      (reason: unknown) => {
        this.#fault ??= { reason };
        this.#done(request);
      },
    );
    this.#inFlight.add(request);
  }

  #done(request: Promise<void>): void {
    this.#inFlight.delete(request);
    this.idle();
  }

  async #request(sent: readonly SentRecord[], isPlain: boolean): Promise<void> {
    const { topic, partition, acks } = this.#options;
    const parameters: ProduceParameters = {
      topic,
      ...(partition === undefined ? {} : { partition }),
      ...(acks === undefined ? {} : { acks }),
    };
    const reply = isPlain
      ? await this.#client.produce(parameters, sent.map((one) => one.record))
      : await this.#client.produceRecords(
        parameters,
        sent.map((one) => one.partition === undefined ? one.record : { ...one.record, partition: one.partition }),
      );
    this.#acknowledged += sent.length;
    this.#firstOffset ??= reply.acks[0]?.first ?? null;
  }
}
