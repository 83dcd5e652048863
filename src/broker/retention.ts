import { SentinelError } from "../base/errors.ts";
import type { Cancel, Clock } from "../platform/clock.ts";
import type { MaintenanceTask } from "./maintenance_task.ts";
import type { Topics } from "./topics.ts";

export interface RetentionOptions {
  readonly topics: Topics;
  readonly clock: Clock;
  readonly everyMs: number;
  readonly onError: (error: SentinelError) => void;
}

/** Lets every partition remove the segments that its topic's settings no longer keep, again and again. */
export class Retention implements MaintenanceTask {
  readonly #options: RetentionOptions;
  #cancel: Cancel | null = null;
  #round: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, everyMs } = this.#options;
    this.#cancel = clock.after(everyMs, () => {
      this.#round = this.#apply().then(() => {
        if (!this.#isStopped) this.start();
      });
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  /** Resolves when the round that was under way is over. */
  get ended(): Promise<void> {
    return this.#round;
  }

  /** A log that cannot remove its old segments says so when it is written to; the others' turn comes all the same. */
  async #apply(): Promise<void> {
    const { topics, clock, onError } = this.#options;
    const nowMs = clock.nowMs();
    for (const topic of [...topics.values()]) {
      for (const replica of topic.replicas) {
        try {
          await replica.applyRetention(nowMs);
        } catch (thrown) {
          if (!(thrown instanceof SentinelError)) throw thrown;
          onError(thrown);
        }
      }
    }
  }
}
