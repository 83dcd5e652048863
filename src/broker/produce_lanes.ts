import { SentinelError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { Mutex } from "../storage/mutex.ts";

/**
 * Where batches are opened and compressed before they are appended: a few at once, since each may take as much memory as
 * it expands to, and those of one partition one after another, so that they are appended in the order in which they came.
 */
export class ProduceLanes {
  readonly #lanes = Array.from({ length: LIMITS.produceConversionsMax }, () => new Mutex());
  /** Those that wait or are in work, by partition. */
  readonly #waiting = new Map<string, number>();
  #count = 0;

  /** Whether batches of this partition are being prepared: what comes now must come behind them. */
  isBusy(partition: string): boolean {
    return this.#waiting.has(partition);
  }

  /** Runs `begin` in the partition's turn. The turn ends when `begin` has, not when what it has begun has. */
  async run<Result>(partition: string, begin: () => Promise<{ readonly begun: Promise<Result> }>): Promise<Result> {
    if (this.#count >= LIMITS.produceWaitsMax) {
      throw new SentinelError("overloaded", `${this.#count} produce requests wait to be prepared, which is the limit`);
    }
    this.#count += 1;
    this.#waiting.set(partition, (this.#waiting.get(partition) ?? 0) + 1);
    try {
      const { begun } = await this.#laneOf(partition).run(begin);
      return await begun;
    } finally {
      this.#count -= 1;
      const left = this.#waiting.get(partition)! - 1;
      if (left === 0) this.#waiting.delete(partition);
      else this.#waiting.set(partition, left);
    }
  }

  #laneOf(partition: string): Mutex {
    let sum = 0;
    for (let at = 0; at < partition.length; at += 1) sum = (sum * 31 + partition.charCodeAt(at)) | 0;
    return this.#lanes[(sum >>> 0) % this.#lanes.length]!;
  }
}
