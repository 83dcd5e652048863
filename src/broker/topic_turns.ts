import type { Topic, Topics } from "./topics.ts";

/**
 * The topic that a produce request writes to, made now where it is not there. Requests of one connection are appended in
 * the order in which they came: so what comes while others wait for their topic goes behind them, also when the topic is
 * there by now. Between the moment in which it is and that in which the last of them has appended lie a few turns.
 */
export class TopicTurns {
  readonly #topics: Topics;
  /** Those that wait, by the topic's name. */
  readonly #waiting = new Map<string, number>();

  constructor(topics: Topics) {
    this.#topics = topics;
  }

  /** Runs `begin` at once where nobody waits. The turn ends when `begin` has returned, not when what it has begun has. */
  run<Result>(name: string, begin: (topic: Topic) => Promise<Result>): Promise<Result> {
    const topic = this.#waiting.has(name) ? undefined : this.#topics.get(name);
    return topic === undefined ? this.#behindOthers(name, begin) : begin(topic);
  }

  async #behindOthers<Result>(name: string, begin: (topic: Topic) => Promise<Result>): Promise<Result> {
    this.#waiting.set(name, (this.#waiting.get(name) ?? 0) + 1);
    let begun: Promise<Result>;
    try {
      begun = begin(await this.#topics.getInTurn(name));
    } finally {
      const left = this.#waiting.get(name)! - 1;
      if (left === 0) this.#waiting.delete(name);
      else this.#waiting.set(name, left);
    }
    return await begun;
  }
}
