/**
 * What a broker does beside its callers, over all partitions, again and again. Everything begins when the broker is ready
 * and begins nothing more when it stops; what is under way then ends with the logs that it works on, and is waited for
 * behind them.
 */
import { LIMITS } from "../base/limits.ts";
import type { SentinelError } from "../base/errors.ts";
import type { Platform } from "../platform/platform.ts";
import type { BrokerOptions } from "./broker_options.ts";
import { Cleaner } from "./cleaner.ts";
import type { MaintenanceTask } from "./maintenance_task.ts";
import { TREE_DIRECTORY } from "../cluster/node_tree.ts";
import type { NodeTree } from "../cluster/node_tree.ts";
import { METADATA_TOPIC } from "../cluster/partition_store.ts";
import { partitionName } from "../base/ids.ts";
import { Scrubber } from "./scrubber.ts";
import type { ScrubSource } from "./scrubber.ts";
import { Retention } from "./retention.ts";
import type { Topics } from "./topics.ts";
import type { BrokerCounters } from "./types.ts";

export interface MaintenanceOptions {
  readonly topics: Topics;
  readonly tree: NodeTree;
  readonly counters: BrokerCounters;
  readonly options: BrokerOptions;
  /** Told what no request can be answered with. */
  readonly onError: (error: SentinelError) => void;
}

export class Maintenance {
  readonly #tasks: readonly MaintenanceTask[];

  constructor(platform: Platform, { topics, tree, counters, options, onError }: MaintenanceOptions) {
    const { clock } = platform;
    const { dataPath, scrubBytesPerSecond: bytesPerSecond = 0, scrubPeriodMs, scrubCheckMs, inMemory } = options;
    const { retentionCheckMs = LIMITS.retentionCheckMs, cleanerCheckMs = LIMITS.cleanerCheckMs } = options;
    const tasks: MaintenanceTask[] = [
      new Retention({ topics, clock, everyMs: retentionCheckMs, onError: () => counters.errors += 1 }),
      new Cleaner(platform, { topics, counters, everyMs: cleanerCheckMs, onFailure: onError }),
    ];
    if (bytesPerSecond > 0 && inMemory !== true) {
      tasks.push(
        new Scrubber(platform, {
          sources: () => scrubSources(topics, tree),
          counters,
          dataPath,
          bytesPerSecond,
          periodMs: scrubPeriodMs ?? LIMITS.scrubPeriodMs,
          checkMs: scrubCheckMs ?? LIMITS.scrubCheckMs,
          onDamage: onError,
        }),
      );
    }
    this.#tasks = tasks;
  }

  start(): void {
    for (const task of this.#tasks) task.start();
  }

  stop(): void {
    for (const task of this.#tasks) task.stop();
  }

  get ended(): Promise<void> {
    return Promise.all(this.#tasks.map((task) => task.ended)).then(() => {});
  }
}

function scrubSources(topics: Topics, tree: NodeTree): ScrubSource[] {
  const sources: ScrubSource[] = [];
  const { metadataScrubbing } = topics;
  if (metadataScrubbing !== null) {
    sources.push({ name: partitionName(METADATA_TOPIC, 0), scrubbing: metadataScrubbing });
  }
  if (tree.scrubbing !== null) sources.push({ name: TREE_DIRECTORY, scrubbing: tree.scrubbing });
  for (const { replicas } of topics.values()) {
    for (const { topic, partition, scrubbing } of replicas) {
      if (scrubbing) sources.push({ name: partitionName(topic, partition), scrubbing });
    }
  }
  return sources;
}
