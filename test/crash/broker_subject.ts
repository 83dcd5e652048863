/** A whole broker as the thing that is crashed. */
import { Broker } from "../../src/broker/broker.ts";
import type { BrokerOptions } from "../../src/broker/broker_options.ts";
import type { StorageEngine } from "../../src/cluster/partition_store.ts";
import { OFFSETS_TOPIC } from "../../src/broker/internal_topics.ts";
import type { FetchedPartition, TopicDescription } from "../../src/broker/types.ts";
import type { StoredRecord } from "../../src/records/record.ts";
import type { Observed, ObservedGroup, ObservedPartition, ObservedRecord, ObservedTopic } from "./observed.ts";
import { APPENDED_VALUE, messageOf, observedRecords, storedRecords } from "./subject.ts";
import type { OpensSubject } from "./subject.ts";

export const BROKER_OPTIONS: BrokerOptions = {
  dataPath: "/data",
  nodeId: 1,
  durability: "fsync",
  flushIntervalMs: 100,
  autoCreate: false,
  partitionsDefault: 1,
  segmentBytesMin: 100,
  // Some tables are written in each scenario with topics in the tree.
  treeMemtableBytes: 8_192,
  groups: { initialRebalanceDelayMs: 0, offsetsTopicPartitions: 1 },
};

/** One answer holds a few batches: a read goes on where the one before ended. */
const FETCH_BYTES = 2_000;
/** Keys that scenarios use: those that are not in the log must not be found. */
const LOOKED_UP_KEYS = ["a", "b", "c", "d", "e", "f", "g"];
/** Searches by time in one partition. */
const SEARCHES_MAX = 6;

/** `engine`: how topics are stored that say nothing. */
export function brokerSubject(engine: StorageEngine): OpensSubject {
  return async (platform) => {
    const { broker } = await Broker.open(platform, { ...BROKER_OPTIONS, storageEngine: engine });
    return {
      observe: () => observeBroker(broker),
      append: () => appendToAll(broker),
      close: () => broker.close(),
    };
  };
}

export async function observeBroker(broker: Broker): Promise<Observed> {
  const topics: ObservedTopic[] = [];
  for (const name of broker.topicNames()) {
    const topic = broker.describeTopic(name)!;
    const partitions: ObservedPartition[] = [];
    for (const { partition } of topic.partitions) partitions.push(await observePartition(broker, topic, partition));
    topics.push({ name, topicId: topic.topicId, config: topic.config, partitions });
  }
  return { topics, groups: await observeGroups(broker) };
}

async function observeGroups(broker: Broker): Promise<ObservedGroup[]> {
  // Asking for a group makes the topic: looking must not change what there is.
  if (broker.partitionCount(OFFSETS_TOPIC) === null) return [];
  await broker.groups.whenLoaded("any");
  return broker.groups.list().groups.map(({ groupId }) => {
    const described = broker.groups.describe(groupId);
    const generation = described !== null && typeof described !== "string" ? described.generation : -1;
    const { offsets } = broker.groups.fetchOffsets(groupId, null);
    const committed = offsets.map(({ topic, partition, committed: each }) => [`${topic}-${partition}`, each!.offset]);
    return { group: groupId, generation, offsets: Object.fromEntries(committed) };
  });
}

async function observePartition(
  broker: Broker,
  topic: TopicDescription,
  partition: number,
): Promise<ObservedPartition> {
  const { start, end, highWatermark, offline } = topic.partitions[partition]!;
  const records: ObservedRecord[] = [];
  const stored: StoredRecord[] = [];
  const contradictions: string[] = [];
  let fault = offline ?? null;
  if (fault === null && highWatermark !== end) {
    contradictions.push(`the high watermark is ${highWatermark}, the end ${end}`);
  }
  for (let next = start; fault === null && next < end;) {
    const answer = await fetchFrom(broker, topic.name, partition, next);
    if (answer.error !== undefined) fault = answer.error.message;
    else if (answer.batches.length === 0) fault = `nothing is at offset ${next} below the end ${end}`;
    else {
      records.push(...observedRecords(answer.batches, next));
      stored.push(...answer.batches.flatMap((batch) => storedRecords(batch, next)));
      next = answer.batches.at(-1)!.endOffset;
    }
  }
  if (fault === null) {
    try {
      contradictions.push(...await searchByTime(broker, topic.name, partition, stored));
    } catch (thrown) {
      fault = messageOf(thrown);
    }
  }
  if (fault === null && hasIndex(broker, topic.name, partition)) {
    contradictions.push(...await lookUpKeys(broker, topic.name, partition, stored));
  }
  return { partition, start, end, records, fault, contradictions };
}

/** Looking must not change what there is: a lookup would make an index. */
function hasIndex(broker: Broker, topic: string, partition: number): boolean {
  return broker.keys.progress().some((row) => row.topic === topic && row.partition === partition);
}

/** The newest record of each key, asked for through the index and found by looking at all. */
async function lookUpKeys(
  broker: Broker,
  topic: string,
  partition: number,
  records: readonly StoredRecord[],
): Promise<string[]> {
  const decoder = new TextDecoder();
  const newest = new Map<string, number | null>(LOOKED_UP_KEYS.map((key) => [key, null]));
  for (const { key, value, offset } of records) {
    if (key !== null) newest.set(decoder.decode(key), value === null ? null : offset);
  }
  const contradictions: string[] = [];
  for (const [text, expected] of newest) {
    const key = new TextEncoder().encode(text);
    const { record } = await broker.keys.lookUp({ topic, partition, key, waitMs: 60_000 });
    const found = record?.offset ?? null;
    if (found !== expected) contradictions.push(`I28: the key ${text} is at ${expected}, a lookup says ${found}`);
  }
  return contradictions;
}

async function fetchFrom(broker: Broker, topic: string, partition: number, offset: number): Promise<FetchedPartition> {
  const request = { partitions: [{ topic, partition, offset, maxBytes: FETCH_BYTES }], minBytes: 0, waitMs: 0 };
  return (await broker.fetch({ ...request, maxBytes: FETCH_BYTES }).result)[0]!;
}

/** The first record at or after a time, asked for through the indexes and found by looking at all. */
async function searchByTime(
  broker: Broker,
  topic: string,
  partition: number,
  records: readonly StoredRecord[],
): Promise<string[]> {
  const contradictions: string[] = [];
  const step = Math.max(1, Math.ceil(records.length / SEARCHES_MAX));
  for (let at = 0; at < records.length; at += step) {
    const { timestamp } = records[at]!;
    const first = records.find((record) => record.timestamp >= timestamp)!;
    const found = await broker.offsetFor(topic, partition, timestamp);
    if (found.offset !== first.offset) {
      contradictions.push(
        `the first record at or after ${timestamp} is ${first.offset}, the search says ${found.offset}`,
      );
    }
  }
  return contradictions;
}

async function appendToAll(broker: Broker): Promise<string[]> {
  const faults: string[] = [];
  for (const name of broker.topicNames()) {
    const { partitions, config } = broker.describeTopic(name)!;
    for (const { partition, end } of partitions) {
      const value = new TextEncoder().encode(APPENDED_VALUE);
      // A compacted topic takes no record without a key.
      const isCompacted = config["cleanup.policy"]?.includes("compact") ?? false;
      const key = isCompacted ? new TextEncoder().encode("a") : null;
      const routed = [{ record: { key, value, headers: [], timestamp: 1_000 }, partition }];
      const [outcome] = await broker.produceRecords(name, routed, { acks: "all" });
      if (!outcome!.ok) faults.push(`${name}-${partition} takes no record: ${messageOf(outcome!.error)}`);
      else if (outcome!.ack.first !== end) {
        faults.push(`${name}-${partition}: the next record got ${outcome!.ack.first}, not ${end}`);
      }
    }
  }
  return faults;
}
