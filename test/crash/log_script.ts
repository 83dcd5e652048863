/** A scenario's script over one partition's log. */
import { simulatedCompression } from "../../adapters/simulation/compression.ts";
import { buildRecordBatch } from "../../src/records/build_batch.ts";
import { compressBatch } from "../../src/records/compressed_batch.ts";
import type { RecordInput } from "../../src/records/record.ts";
import type { LogSettings, PartitionLog } from "../../src/storage/partition_log.ts";
import { digestOf } from "./ledger.ts";
import type { PartitionPlace, ProduceAsked } from "./ledger.ts";
import { type HostedLog, LOG_SETTINGS, LOG_TOPIC, type LogHost, logSubjectOf, SEGMENTS_HOST } from "./log_subject.ts";
import { Script } from "./script.ts";
import type { OpensSubject } from "./subject.ts";

const PLACE: PartitionPlace = { incarnation: 1, partition: 0 };

export class LogScript extends Script {
  readonly opens: OpensSubject;
  readonly #settings: LogSettings;
  readonly #host: LogHost;
  #hosted!: HostedLog;

  constructor(seed: number, settings: Partial<LogSettings> = {}, host = SEGMENTS_HOST) {
    super(seed);
    this.opens = logSubjectOf(host);
    this.#settings = { ...LOG_SETTINGS, ...settings };
    this.#host = host;
  }

  get log(): PartitionLog {
    return this.#hosted.log;
  }

  /** Makes the log; no crash point may come before. */
  async make(): Promise<void> {
    const state = { name: LOG_TOPIC, incarnation: 1, partitions: 1, config: {} };
    this.ledger.push({ kind: "topic asked", name: LOG_TOPIC, state }, { kind: "topic done", name: LOG_TOPIC });
    const { platform } = this.startProcess();
    await this.#host.make(platform);
    this.#hosted = await this.#host.open(platform, this.#settings);
  }

  /** A new process over what the last one left. */
  async start(): Promise<void> {
    this.#hosted = await this.#host.open(this.startProcess().platform, this.#settings);
  }

  /** Appends one batch; the promise is its durability. */
  async append(epoch: number, count = 1, valueBytes = 60): Promise<void> {
    await this.#append(epoch, this.records("one", count, valueBytes));
  }

  /** The same with keys of one's own: `a b-` are a record of key a and a tombstone of key b. */
  async appendKeyed(
    epoch: number,
    keys: string,
    options: { readonly isCompressed?: boolean; readonly producerId?: bigint } = {},
  ): Promise<void> {
    const records = keys.split(" ").map((key): RecordInput => {
      const [record] = this.records("one", 1, 40);
      const value = key.endsWith("-") ? null : record!.value;
      return { ...record!, key: new TextEncoder().encode(key.replace("-", "")), value };
    });
    await this.#append(epoch, records, options.isCompressed, options.producerId);
  }

  /** One batch of an idempotent producer. */
  async appendSequenced(epoch: number, producerId: bigint, count = 1): Promise<void> {
    await this.#append(epoch, this.records("one", count, 60), false, producerId);
  }

  async #append(
    epoch: number,
    records: readonly RecordInput[],
    isCompressed = false,
    producerId: bigint | null = null,
  ): Promise<void> {
    const digests = records.map((record) => digestOf({ ...record, timestamp: record.timestamp! }, epoch));
    const asked: ProduceAsked = { kind: "produce asked", place: PLACE, connection: "one", digests };
    this.ledger.push(asked);
    const plain = buildRecordBatch(records, { nowMs: 0, ...this.#sequenceOf(producerId) });
    const batch = isCompressed ? await compressBatch(plain, "snappy", simulatedCompression) : plain;
    const { baseOffset } = this.log.appendAsLeader(batch, epoch);
    await this.log.flush();
    this.ledger.push({ kind: "produce acked", asked, first: baseOffset });
  }

  #sequenceOf(producerId: bigint | null) {
    if (producerId === null) return {};
    const last = this.log.producers.get(producerId, this.process.platform.clock.monotonicMs())?.batches.at(-1);
    return { producerId, producerEpoch: 0, baseSequence: (last?.lastSequence ?? -1) + 1 };
  }

  /** One pass over everything below `upTo`. `tombstonesGo`: so late that tombstones of earlier passes may go. */
  async clean(nowMs: number, upTo: number, tombstonesGo = false): Promise<void> {
    this.ledger.push({ kind: "clean asked", place: PLACE, upTo, tombstonesGo });
    const tools = { compression: simulatedCompression, seed: [1, 2] as const };
    await this.log.cleaning!.clean({ nowMs, upTo, abortedTransactions: [] }, tools);
  }

  async truncate(boundary: number): Promise<void> {
    this.ledger.push({ kind: "truncate asked", place: PLACE, boundary });
    await this.log.truncateFrom(boundary);
    this.ledger.push({ kind: "truncate done", place: PLACE, boundary });
  }

  async trim(offset: number): Promise<void> {
    this.ledger.push({ kind: "start asked", place: PLACE, offset, isLimit: false });
    await this.log.trimBefore(offset);
    this.ledger.push({ kind: "start told", place: PLACE, offset });
  }

  /** Retention may move the start as far as `limit`. */
  async retain(retentionBytes: number, limit: number): Promise<void> {
    this.ledger.push({ kind: "start asked", place: PLACE, offset: limit, isLimit: true });
    this.log.configure({ ...this.#settings, retentionBytes });
    await this.log.applyRetention(0);
    this.log.configure(this.#settings);
    this.ledger.push({ kind: "start told", place: PLACE, offset: this.log.startOffset });
  }

  async close(): Promise<void> {
    await this.#hosted.close();
  }
}
