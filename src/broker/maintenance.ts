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
import { Retention } from "./retention.ts";
import type { Topics } from "./topics.ts";
import type { BrokerCounters } from "./types.ts";

export interface MaintenanceTask {
  start(): void;
  /** Begins nothing more. Idempotent. */
  stop(): void;
  /** Resolves when what was under way is over; asked when every log is closed. */
  readonly ended: Promise<void>;
}

export interface MaintenanceOptions {
  readonly topics: Topics;
  readonly counters: BrokerCounters;
  readonly options: BrokerOptions;
  /** Told what no request can be answered with. */
  readonly onError: (error: SentinelError) => void;
}

export class Maintenance {
  readonly #tasks: readonly MaintenanceTask[];

  constructor(platform: Platform, { topics, counters, options, onError }: MaintenanceOptions) {
    const { clock } = platform;
    const { retentionCheckMs = LIMITS.retentionCheckMs, cleanerCheckMs = LIMITS.cleanerCheckMs } = options;
    this.#tasks = [
      new Retention({ topics, clock, everyMs: retentionCheckMs, onError: () => counters.errors += 1 }),
      new Cleaner(platform, { topics, counters, everyMs: cleanerCheckMs, onFailure: onError }),
    ];
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
