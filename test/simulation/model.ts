/** What the clients know: topics and their incarnations, records by id, and which offsets were promised to last. */
import type { StorageEngine } from "../../src/cluster/partition_store.ts";
import { crc32c } from "../../src/bytes/crc32c.ts";
import { encodeHex } from "../../src/bytes/hex.ts";
import type { Durability } from "../../src/cluster/replica.ts";
import type { RecordInput } from "../../src/records/record.ts";
import type { SimulatedRandom } from "../../adapters/simulation/random.ts";

export interface SentRecord {
  readonly id: number;
  readonly digest: number;
  /** In hexadecimal; null without one. */
  readonly key: string | null;
  readonly isTombstone: boolean;
  readonly topicName: string;
  readonly partition: number;
  /** The connection it went over, and its place in the order of sending there. */
  readonly session: string;
  readonly order: number;
  /** `refused`: it must never be seen. */
  outcome: "unknown" | "acked" | "refused";
}

/** One partition of one incarnation of a topic. */
export class PartitionModel {
  readonly topic: TopicModel;
  readonly partition: number;
  /** Which record has which offset, from acknowledgements and reads. */
  readonly known = new Map<number, SentRecord>();
  readonly offsetOf = new Map<SentRecord, number>();
  /** Offsets that were acknowledged. */
  readonly acked = new Set<number>();
  /** Below it everything survives a power loss. */
  strictEnd = 0;
  /** At or above `strictEnd` and known before a power loss: may be gone, and their offsets used again. */
  readonly optional = new Set<number>();
  logStart = 0;
  highWatermark = 0;
  trimAskedMax = 0;
  /** The device has changed bytes of its log: it may be offline, it may never answer wrongly. */
  isDamaged = false;

  constructor(topic: TopicModel, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  get name(): string {
    return `${this.topic.name}-${this.partition} (${this.topic.topicId})`;
  }

  /** A weak record may be gone after the power was. */
  losePower(): void {
    this.highWatermark = Math.min(this.highWatermark, this.strictEnd);
    for (const offset of this.known.keys()) if (offset >= this.strictEnd) this.optional.add(offset);
  }

  /** Forgets a record that a power loss may have taken, as its offset is used again. */
  forget(offset: number): void {
    const record = this.known.get(offset);
    if (record !== undefined) this.offsetOf.delete(record);
    this.known.delete(offset);
    this.acked.delete(offset);
    this.optional.delete(offset);
  }
}

export class TopicModel {
  readonly name: string;
  readonly topicId: string;
  readonly partitions: PartitionModel[] = [];
  durability: Durability;
  /** It has never had another level: what is visible is durable. */
  isAlwaysFsync: boolean;
  /** Retention may remove segments. */
  isRetained: boolean;
  /** Of each key the newest record stays; tombstones stay for longer than a run takes. */
  readonly isCompacted: boolean;
  readonly engine: StorageEngine;

  constructor(
    name: string,
    topicId: string,
    options: {
      partitions: number;
      durability: Durability;
      isRetained: boolean;
      isCompacted?: boolean;
      engine?: StorageEngine;
    },
  ) {
    this.name = name;
    this.topicId = topicId;
    this.durability = options.durability;
    this.isAlwaysFsync = options.durability === "fsync";
    this.isRetained = options.isRetained;
    this.isCompacted = options.isCompacted ?? false;
    this.engine = options.engine ?? "log";
    this.grow(options.partitions);
  }

  grow(partitions: number): void {
    while (this.partitions.length < partitions) this.partitions.push(new PartitionModel(this, this.partitions.length));
  }

  setDurability(durability: Durability): void {
    this.durability = durability;
    if (durability !== "fsync") this.isAlwaysFsync = false;
  }
}

/** A name that topics have, one after another. Making and deleting excludes everything else on the name. */
export class TopicSlot {
  readonly name: string;
  topic: TopicModel | null = null;
  /** It had a topic before: the next one must start empty. */
  hadTopic = false;
  shared = 0;
  isExclusive = false;

  constructor(name: string) {
    this.name = name;
  }
}

export class Model {
  readonly slots: TopicSlot[] = [];
  readonly records = new Map<number, SentRecord>();
  /** Directories whose files the device has changed, also of names that are not used any more. */
  readonly damagedDirectories = new Set<string>();
  /** Index files that the device has changed, as paths. */
  readonly damagedIndexes = new Set<string>();
  #nextSlot = 0;

  addSlot(): void {
    this.slots.push(new TopicSlot(`topic.${this.#nextSlot++}`));
  }

  /** What happened to the name is not known, and may still happen: nobody uses it again. */
  retire(slot: TopicSlot): void {
    this.slots.splice(this.slots.indexOf(slot), 1);
    this.addSlot();
  }

  *partitions(): Generator<PartitionModel> {
    for (const slot of this.slots) if (slot.topic !== null) yield* slot.topic.partitions;
  }

  /** A record of its own, known by its id from now on. */
  newRecord(
    random: SimulatedRandom,
    to: { topicName: string; partition: number; session: string; order: number },
    options: { nowMs: number; bytesMean: number; isCompacted: boolean },
  ): { sent: SentRecord; record: RecordInput } {
    const id = this.records.size + 1;
    const idBytes = new Uint8Array(4);
    new DataView(idBytes.buffer).setUint32(0, id);
    const body = random.bytes(random.skewed(options.bytesMean, options.bytesMean * 20));
    const isInHeader = random.chance(3, 4);
    const record: RecordInput = {
      key: keyOf(random, options.isCompacted),
      value: isInHeader ? (random.chance(1, 8) ? null : body) : Uint8Array.from([...idBytes, ...body]),
      headers: isInHeader ? [{ key: "id", value: idBytes }] : [],
      timestamp: options.nowMs - random.below(2_000),
    };
    const key = record.key === null ? null : encodeHex(record.key);
    const digest = digestOf(record, record.timestamp!);
    const sent: SentRecord = { id, digest, key, isTombstone: record.value === null, ...to, outcome: "unknown" };
    this.records.set(id, sent);
    return { sent, record };
  }

  /** Whose record this is, or undefined for one that nobody sent. */
  sentRecordOf(record: Pick<RecordInput, "value" | "headers">): SentRecord | undefined {
    const bytes = record.headers.find((header) => header.key === "id")?.value ?? record.value;
    if (bytes === null || bytes === undefined || bytes.length < 4) return undefined;
    return this.records.get(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0));
  }
}

/** Keys of compacted topics: a few, so that most records are superseded. */
export const TABLE_KEYS: readonly Uint8Array[] = Array.from({ length: 6 }, (_, at) => Uint8Array.of(at));

function keyOf(random: SimulatedRandom, isCompacted: boolean): Uint8Array | null {
  if (isCompacted) return random.pick(TABLE_KEYS);
  return random.chance(1, 3) ? null : random.bytes(random.below(12));
}

/** A checksum over all that a record must keep. */
export function digestOf(record: Pick<RecordInput, "key" | "value" | "headers">, timestamp: number): number {
  let digest = crc32c(new TextEncoder().encode(`${timestamp} ${record.headers.length}`));
  const add = (bytes: Uint8Array | null): void => {
    digest = crc32c(Uint8Array.of(bytes === null ? 0 : 1, (bytes?.length ?? 0) & 255), 0, 2, digest);
    if (bytes !== null) digest = crc32c(bytes, 0, bytes.length, digest);
  };
  add(record.key);
  add(record.value);
  for (const { key, value } of record.headers) {
    add(new TextEncoder().encode(key));
    add(value);
  }
  return digest;
}
