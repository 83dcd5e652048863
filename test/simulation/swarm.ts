/**
 * The configuration that a seed draws first (reliability §4.6): what is small, what is slow, who takes part and which
 * faults there are. Leaving features out finds more than having all of them in every run.
 */
import type { NetworkTiming } from "../../adapters/simulation/network.ts";
import type { SimulatedRandom } from "../../adapters/simulation/random.ts";
import type { DiskTiming } from "../../adapters/simulation/scheduled_pace.ts";
import type { StorageEngine } from "../../src/cluster/partition_store.ts";
import type { Durability } from "../../src/cluster/replica.ts";

export const FAULT_NAMES = [
  "kill",
  "power",
  "stop",
  "crash in recovery",
  "failed sync",
  "failed write",
  "failed read",
  "disk full",
  "no descriptors",
  "slow disk",
  "cut link",
  "lost connections",
  "clock jump",
  "bit rot",
  "stale sector",
  "bad index",
] as const;

export type FaultName = typeof FAULT_NAMES[number];

export interface SwarmConfiguration {
  /** Virtual time of clients and faults, before everything heals. */
  readonly durationMs: number;
  readonly clients: number;
  readonly topicSlots: number;
  readonly partitionsMax: number;
  readonly thinkMs: number;
  readonly recordBytesMean: number;
  readonly recordsPerBatchMean: number;
  /** Produce requests that one client has under way. */
  readonly pipelineMax: number;
  readonly segmentBytes: number;
  readonly indexIntervalBytes: number;
  readonly durability: Durability;
  readonly flushIntervalMs: number;
  readonly usesRetention: boolean;
  readonly retentionCheckMs: number;
  readonly usesCompaction: boolean;
  readonly cleanerCheckMs: number;
  /** Of the scrub; its pass begins again as soon as it has ended. */
  readonly scrubBytesPerSecond: number;
  /** How the topics are stored that clients make; `both`: each as it comes. */
  readonly engines: StorageEngine | "both";
  readonly treeMemtableBytes: number;
  readonly pieceBytesMax: number;
  /** How much of one connection the broker takes before it stops reading. */
  readonly connectionRequestsInWorkMax: number;
  readonly connectionBytesMax: number;
  readonly diskTiming: DiskTiming;
  readonly networkTiming: NetworkTiming;
  readonly faults: readonly FaultName[];
  readonly faultEveryMs: number;
  /** Members of a consumer group; none: there is no group. */
  readonly groupMembers: number;
  /** Weights of what a client does next. */
  readonly weights: Readonly<Record<ClientAction, number>>;
}

export type ClientAction =
  | "produce"
  | "read"
  | "tail"
  | "trim"
  | "if-match"
  | "sequenced"
  | "keyed"
  /** By key, where the topic is compacted; else a read. */
  | "lookup"
  | "create"
  | "delete"
  | "alter";

/** What a named scenario fixes. `mixed` fixes nothing. */
export const SCENARIOS: Readonly<Record<string, Partial<SwarmConfiguration>>> = {
  mixed: {},
  calm: { faults: [] },
  power: { faults: ["power", "crash in recovery"], durability: "fsync" },
  disk: { faults: ["failed sync", "failed write", "failed read", "disk full", "no descriptors", "kill"] },
  rot: { faults: ["bit rot", "stale sector", "bad index", "stop"], segmentBytes: 2_000, engines: "log" },
  network: { faults: ["cut link", "lost connections", "kill"] },
};

export function drawConfiguration(random: SimulatedRandom, scenario: string): SwarmConfiguration {
  const weight = (): number => random.pick([0, 1, 2, 5]);
  const drawn: SwarmConfiguration = {
    durationMs: random.pick([5_000, 10_000, 20_000, 40_000]),
    clients: random.between(1, 4),
    topicSlots: random.between(1, 3),
    partitionsMax: random.between(1, 3),
    thinkMs: random.pick([5, 20, 100, 400]),
    recordBytesMean: random.pick([8, 60, 400, 3_000]),
    recordsPerBatchMean: random.pick([1, 3, 20]),
    pipelineMax: random.pick([1, 2, 6]),
    segmentBytes: random.pick([400, 1_500, 6_000, 60_000, 1_000_000]),
    indexIntervalBytes: random.pick([0, 100, 1_000, 4_096]),
    durability: random.pick(["fsync", "fsync", "fsync", "interval", "os"]),
    flushIntervalMs: random.pick([5, 100, 1_000]),
    usesRetention: random.chance(1, 3),
    retentionCheckMs: random.pick([500, 3_000]),
    usesCompaction: random.stream("compaction").chance(1, 2),
    cleanerCheckMs: random.stream("compaction").pick([200, 2_000]),
    scrubBytesPerSecond: random.stream("scrub").pick([20_000, 1_000_000, 100_000_000]),
    engines: random.stream("engines").pick(["log", "both", "both", "lsm"]),
    treeMemtableBytes: random.stream("engines").pick([4_096, 20_000, 200_000]),
    pieceBytesMax: random.pick([Infinity, Infinity, 5_000, 300]),
    connectionRequestsInWorkMax: random.pick([1, 3, 64]),
    connectionBytesMax: random.pick([500, 10_000, 16_777_216]),
    diskTiming: {
      cachedUs: random.pick([5, 50]),
      syncUs: random.pick([200, 2_000, 15_000]),
      stallOneIn: random.pick([100, 1_000]),
      stallUs: random.pick([0, 0, 100_000, 2_000_000]),
    },
    networkTiming: {
      delayUsMin: random.pick([20, 200, 5_000]),
      slowOneIn: random.pick([20, 500]),
      slowUs: random.pick([0, 20_000, 300_000]),
      segmentBytesMax: random.pick([1, 50, 4_096, 65_536]),
    },
    faults: FAULT_NAMES.filter(() => random.chance(1, 2)),
    faultEveryMs: random.pick([300, 1_500, 5_000]),
    weights: {
      produce: 1 + weight() * 4,
      read: 1 + weight() * 2,
      tail: weight() * 2,
      trim: weight(),
      "if-match": weight(),
      create: 1,
      delete: random.pick([0, 0, 1]),
      alter: random.pick([0, 0, 1]),
      sequenced: weight(),
      keyed: weight(),
      lookup: random.stream("lookup").pick([0, 1, 5, 20]),
    },
    groupMembers: random.pick([0, 0, 1, 2, 3]),
  };
  return { ...drawn, ...SCENARIOS[scenario] };
}
