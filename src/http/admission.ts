/** Bounds what all requests together hold: full means 429 at once, nothing is queued (design D12). */
import { SentinelError } from "../base/errors.ts";
import type { HttpLimits } from "./http_options.ts";

/** What one request holds of the common room. */
export interface Holding {
  /** An ordinary request, or a long poll or stream, which have a bound of their own. */
  kind: "work" | "wait" | "left";
  bodyBytes: number;
  /** Ends the wait; `stop` calls it. */
  cancelWait: (() => void) | null;
}

export class Admission {
  readonly #limits: HttpLimits;
  readonly #waiting: Set<Holding> = new Set();
  #inWork = 0;
  #bodiesBytes = 0;
  #stopping = false;

  constructor(limits: HttpLimits) {
    this.#limits = limits;
  }

  get requestsInWork(): number {
    return this.#inWork;
  }

  get waits(): number {
    return this.#waiting.size;
  }

  get bodiesBytes(): number {
    return this.#bodiesBytes;
  }

  /** After `stop` nothing waits any more. */
  get isStopping(): boolean {
    return this.#stopping;
  }

  /** Takes a request in; `overloaded` when there is no room. */
  enter(): Holding {
    if (this.#inWork >= this.#limits.httpRequestsInWorkMax) {
      throw overloaded(`${this.#inWork} requests are in work`, this.#limits.httpRequestsInWorkMax);
    }
    this.#inWork += 1;
    return { kind: "work", bodyBytes: 0, cancelWait: null };
  }

  /** Room for `bytes` more of a body, kept until the request leaves. */
  reserveBody(holding: Holding, bytes: number): void {
    if (this.#bodiesBytes + bytes > this.#limits.httpBodiesBytesMax) {
      throw overloaded(`${this.#bodiesBytes} bytes of bodies are in work`, this.#limits.httpBodiesBytesMax);
    }
    this.#bodiesBytes += bytes;
    holding.bodyBytes += bytes;
  }

  /** From now on the request waits for data. */
  beginWait(holding: Holding, cancelWait: () => void): void {
    if (this.#waiting.size >= this.#limits.httpWaitsMax) {
      throw overloaded(`${this.#waiting.size} requests wait`, this.#limits.httpWaitsMax);
    }
    this.#inWork -= 1;
    holding.kind = "wait";
    holding.cancelWait = cancelWait;
    this.#waiting.add(holding);
  }

  /** Gives back what the request held. Idempotent: a stream may be ended from both sides. */
  leave(holding: Holding): void {
    if (holding.kind === "work") this.#inWork -= 1;
    else this.#waiting.delete(holding);
    holding.kind = "left";
    holding.cancelWait = null;
    this.#bodiesBytes -= holding.bodyBytes;
    holding.bodyBytes = 0;
  }

  /** Ends all waits: long polls are answered with what there is, streams with their end. */
  stop(): void {
    this.#stopping = true;
    for (const holding of [...this.#waiting]) holding.cancelWait?.();
  }
}

function overloaded(what: string, limit: number): SentinelError {
  return new SentinelError("overloaded", `${what}, and the limit is ${limit}`, { facts: { limit } });
}
