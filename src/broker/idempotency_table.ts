/**
 * What is known of each idempotency key: a pure machine, fed by requests and, at a start, by the records of the internal
 * topic. It never forgets a key before its time: when it is full, new keys are refused.
 */
import { SentinelError } from "../base/errors.ts";
import type { TimestampMs } from "../base/ids.ts";
import { LIMITS } from "../base/limits.ts";
import type { IdempotencyRecord, Intent, KeyedAnswer, Piece } from "./idempotency_records.ts";

/** An attempt that ended before its answer was kept. */
export interface Interrupted {
  readonly state: "interrupted";
  readonly intent: Intent;
  /** All that is stored of the request, once the partitions have told; null before. */
  readonly landed: readonly Piece[] | null;
}

export type KeyState =
  | { readonly state: "in flight"; readonly hash: string }
  | Interrupted
  | { readonly state: "answered"; readonly answer: KeyedAnswer };

interface Entry {
  readonly is: KeyState;
  readonly atMs: TimestampMs;
  readonly bytes: number;
}

/** Bytes of a row of three small numbers, of a character and of everything else that an entry has. */
const ROW_BYTES = 80;
const ENTRY_BYTES = 400;

export interface IdempotencyTableOptions {
  readonly keysMax?: number;
  readonly bytesMax?: number;
}

export class IdempotencyTable {
  /** In the order of their last change. */
  readonly #entries = new Map<string, Entry>();
  readonly #keysMax: number;
  readonly #bytesMax: number;
  #bytes = 0;

  constructor({ keysMax, bytesMax }: IdempotencyTableOptions = {}) {
    this.#keysMax = keysMax ?? LIMITS.idempotencyKeysMax;
    this.#bytesMax = bytesMax ?? LIMITS.idempotencyTableBytesMax;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** What is known of a key, or null. Fails when it is of another request, or that one is still in work. */
  find(scopedKey: string, hash: string, nowMs: TimestampMs): Exclude<KeyState, { state: "in flight" }> | null {
    const entry = this.#entries.get(scopedKey);
    if (entry === undefined || isExpired(entry, nowMs)) return null;
    const { is } = entry;
    if (hashOf(is) !== hash) {
      throw new SentinelError("idempotency_mismatch", "The idempotency key was used with another request");
    }
    if (is.state === "in flight") {
      throw new SentinelError("request_in_flight", "The request with this idempotency key is still being worked on");
    }
    return is;
  }

  /**
   * Marks a key as in work; `steps` is how many rows its route and its pieces have. Fails as `find` does, and with
   * `overloaded` when there is no room for a new key.
   */
  begin(scopedKey: string, hash: string, steps: number, nowMs: TimestampMs): void {
    this.expire(nowMs);
    const known = this.#entries.get(scopedKey);
    if (known !== undefined) this.find(scopedKey, hash, nowMs);
    const bytes = bytesOf(scopedKey, steps);
    const isFull = this.#entries.size >= this.#keysMax || this.#bytes + bytes > this.#bytesMax;
    if (known === undefined && isFull) {
      throw new SentinelError(
        "overloaded",
        `There are ${this.#entries.size} idempotency keys in ${this.#bytes} bytes, which is the limit; ` +
          "each is kept for a day",
      );
    }
    this.#put(scopedKey, { state: "in flight", hash }, bytes, nowMs);
  }

  /** The attempt has ended, and this is known now. */
  end(
    scopedKey: string,
    is: Interrupted | { readonly state: "answered"; readonly answer: KeyedAnswer },
    nowMs: number,
  ): void {
    this.#put(scopedKey, is, bytesOf(scopedKey, stepsOf(is)), nowMs);
  }

  /** As `end` for an attempt of which nobody knows what it has stored, unless it has ended already. */
  interrupt(scopedKey: string, intent: Intent, nowMs: TimestampMs): void {
    if (this.#entries.get(scopedKey)?.is.state !== "in flight") return;
    this.end(scopedKey, { state: "interrupted", intent, landed: null }, nowMs);
  }

  /** Nothing was stored for the key: it is free again. */
  giveUp(scopedKey: string): void {
    const entry = this.#entries.get(scopedKey);
    if (entry === undefined) return;
    this.#entries.delete(scopedKey);
    this.#bytes -= entry.bytes;
  }

  /** Takes over a record of the internal topic, also when there is no room: it was promised. */
  replay({ scopedKey, timestamp, value }: IdempotencyRecord): void {
    if (value === null) this.giveUp(scopedKey);
    else if (value.type === "answer") this.end(scopedKey, { state: "answered", answer: value }, timestamp);
    else this.end(scopedKey, { state: "interrupted", intent: value, landed: null }, timestamp);
  }

  /** Those whose attempts ended before their answers were kept. */
  *interrupted(): Iterable<{ readonly scopedKey: string; readonly is: Interrupted }> {
    for (const [scopedKey, { is }] of this.#entries) if (is.state === "interrupted") yield { scopedKey, is };
  }

  /** The partitions have told what is stored of an interrupted request. */
  settle(scopedKey: string, landed: readonly Piece[]): void {
    const entry = this.#entries.get(scopedKey);
    if (entry?.is.state === "interrupted") this.#entries.set(scopedKey, { ...entry, is: { ...entry.is, landed } });
  }

  /** Forgets what is older than `idempotencyKeepMs`, but nothing that is in work. */
  expire(nowMs: TimestampMs): void {
    for (const [scopedKey, entry] of this.#entries) {
      if (entry.is.state === "in flight") continue;
      if (!isExpired(entry, nowMs)) break;
      this.giveUp(scopedKey);
    }
  }

  #put(scopedKey: string, is: KeyState, bytes: number, atMs: TimestampMs): void {
    this.giveUp(scopedKey);
    this.#entries.set(scopedKey, { is, bytes, atMs });
    this.#bytes += bytes;
  }
}

function hashOf(is: KeyState): string {
  if (is.state === "in flight") return is.hash;
  return is.state === "answered" ? is.answer.hash : is.intent.hash;
}

function stepsOf(is: Exclude<KeyState, { state: "in flight" }>): number {
  if (is.state === "answered") return is.answer.route.length + is.answer.pieces.length;
  return is.intent.route.length + is.intent.runs.length + is.intent.landed.length;
}

function bytesOf(scopedKey: string, steps: number): number {
  return ENTRY_BYTES + 2 * scopedKey.length + ROW_BYTES * steps;
}

function isExpired({ is, atMs }: Entry, nowMs: TimestampMs): boolean {
  return is.state !== "in flight" && nowMs - atMs >= LIMITS.idempotencyKeepMs;
}
