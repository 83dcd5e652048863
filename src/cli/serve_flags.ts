import { SentinelError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { GROUP_DEFAULTS } from "../broker/groups/group_settings.ts";
import type { Disk } from "../platform/disk.ts";
import { z } from "zod";
import { readSmallFile } from "./file_chunks.ts";
import { choice, flag, integer, notBuilt, text, trueOrFalse } from "./flags.ts";

const port = integer(0, 65_535);
const INT32_MAX = 2_147_483_647;

export const serveFlags = z.object({
  port: flag(port.default(9092), { valueName: "PORT", help: "Kafka and native frames; 0: any free port" }),
  data: flag(text().min(1, { error: "is empty" }).default("./data"), {
    valueName: "DIR",
    help: "where the log is kept",
  }),
  host: flag(text().min(1, { error: "is empty" }).default("127.0.0.1"), {
    valueName: "HOST",
    help: "the address to listen on",
  }),
  advertise: flag(text().optional(), {
    valueName: "HOST:PORT",
    help: "the address that clients are told; default: the one listened on, unless that is every address",
  }),
  httpPort: flag(port.default(8080), { valueName: "PORT", help: "the HTTP API; 0: any free port" }),
  durability: flag(choice(["fsync", "interval", "os"]).default("fsync"), {
    valueName: "WHEN",
    help: "what an acknowledgement stands on: fsync, interval or os",
  }),
  flushIntervalMs: flag(integer(1, 3_600_000).default(100), {
    valueName: "MS",
    help: "with -durability interval: how often to sync",
  }),
  autoCreate: flag(trueOrFalse().default(true), {
    valueName: "true|false",
    help: "make topics that are produced to and missing",
  }),
  shutdownTimeoutMs: flag(integer(0, 3_600_000).default(30_000), {
    valueName: "MS",
    help: "how long a stop waits for requests in work",
  }),
  nodeId: flag(integer(0, INT32_MAX).default(1), { valueName: "N", help: "this broker's id" }),
  partitions: flag(integer(1, LIMITS.topicPartitionsMax).default(1), {
    valueName: "N",
    help: "partitions of a topic that is made without a number",
  }),
  storageEngine: flag(choice(["log", "lsm"]).default("log"), {
    valueName: "NAME",
    help:
      "how a topic that is made without storage.engine is stored: in segments of its own (log) or the node's tree (lsm)",
  }),
  partitioner: flag(choice(["murmur2", "fnv1a", "round-robin"]).default("murmur2"), {
    valueName: "NAME",
    help: "who gets records without a partition: by key as the Java client (murmur2) or Sentinel (fnv1a), or in turn",
  }),
  groupInitialRebalanceDelayMs: flag(integer(0, 3_600_000).default(GROUP_DEFAULTS.initialRebalanceDelayMs), {
    valueName: "MS",
    help: "how long the first member of a group waits for others",
  }),
  groupMaxSize: flag(integer(1, LIMITS.groupMembersMax).default(GROUP_DEFAULTS.membersMax), {
    valueName: "N",
    help: "members of one group",
  }),
  groupMinSessionTimeoutMs: flag(integer(1, INT32_MAX).default(GROUP_DEFAULTS.sessionTimeoutMsMin), {
    valueName: "MS",
    help: "the least that a member may ask for as its session time-out",
  }),
  groupMaxSessionTimeoutMs: flag(integer(1, INT32_MAX).default(GROUP_DEFAULTS.sessionTimeoutMsMax), {
    valueName: "MS",
    help: "the most",
  }),
  offsetsRetentionMinutes: flag(integer(1, INT32_MAX).default(GROUP_DEFAULTS.offsetsRetentionMs / 60_000), {
    valueName: "N",
    help: "how long a group without members keeps its committed offsets",
  }),
  offsetsTopicPartitions: flag(integer(1, 1_000).default(GROUP_DEFAULTS.offsetsTopicPartitions), {
    valueName: "N",
    help: "partitions of __consumer_offsets, when it is made; fixed from then on",
  }),
  scrubBytesPerSecond: flag(integer(0, INT32_MAX).default(LIMITS.scrubBytesPerSecond), {
    valueName: "N",
    help: "how fast cold data is read again once a week, to find rot before a reader does; 0: never",
  }),
  config: flag(text().optional(), { valueName: "FILE", help: "settings in JSON, keys as these flags" }),
  logFormat: flag(choice(["text", "json"]).default("text"), {
    valueName: "FORM",
    help: "of the log on stderr: text or json",
  }),
  readyFile: flag(text().optional(), { valueName: "FILE", help: "write the addresses there once everything listens" }),
  memory: flag(trueOrFalse().default(false), { help: "keep everything in memory, nothing on disk" }),
  grpcPort: notBuilt("PORT"),
  cluster: notBuilt("NODES"),
  tlsCert: notBuilt("FILE"),
  tlsKey: notBuilt("FILE"),
  tlsClientCa: notBuilt("FILE"),
  sasl: notBuilt("NAMES"),
  insecure: flag(trueOrFalse().default(false), {
    help: "allow a -host that other machines reach, without authentication",
  }),
  listeners: notBuilt("LIST"),
});

/** Everything that `sentinel serve` can be told, checked and complete. */
export type ServeSettings = z.output<typeof serveFlags>;

const CONFIG_BYTES_MAX = 1024 * 1024;

/** The configuration file's settings. Fails with `invalid_config` when it is not one JSON object. */
export async function readConfigFile(disk: Disk, path: string): Promise<Readonly<Record<string, unknown>>> {
  const content = await readSmallFile(disk, path, CONFIG_BYTES_MAX);
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    throw new SentinelError("invalid_config", `${path} is not JSON`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new SentinelError("invalid_config", `${path} is not a JSON object`);
  }
  return value as Record<string, unknown>;
}
