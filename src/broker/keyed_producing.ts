/**
 * Producing with an idempotency key (docs/http-api.md): however often a request is sent, its records are stored once.
 *
 * A request's attempt has a producer id for itself. First an *intent* is made durable in the internal topic: what the
 * request is, where its records go, with which sequences. Then the records are appended, then the *answer*. After a crash
 * the intent and the partitions' producer states tell which records are there; the next attempt, with an id of its own,
 * appends the others. An id serves one request after another, but only when the one before has its answer kept: an
 * interrupted attempt's sequences must go on telling what it stored.
 */
import { assert } from "../base/assert.ts";
import { SentinelError } from "../base/errors.ts";
import type { ProducerId, TimestampMs } from "../base/ids.ts";
import { LIMITS } from "../base/limits.ts";
import type { Clock } from "../platform/clock.ts";
import type { RecordInput } from "../records/record.ts";
import { sequenceAfter } from "../storage/producer_states.ts";
import type { KeyedOutcome, ProduceOutcome, RoutedRecord } from "./broker_api.ts";
import { assertIdempotencyKey, requestHash, scopedKey } from "./idempotency_key.ts";
import { IdempotencyLog } from "./idempotency_log.ts";
import type { Intent, KeyedAnswer, Piece, RouteStep, SequencedRun } from "./idempotency_records.ts";
import { IdempotencyTable } from "./idempotency_table.ts";
import type { IdempotencyTableOptions, Interrupted } from "./idempotency_table.ts";
import { landedOf, outcomesOf, restOf, routeOf } from "./keyed_request.ts";
import type { ProducerIds } from "./producer_ids.ts";
import { buildRun, cutRun } from "./cut_run.ts";
import type { Run } from "./cut_run.ts";
import { assertExpectedOffset, isOffsetMismatch } from "./producing.ts";
import type { Producing } from "./producing.ts";
import { replicaOf } from "./topics.ts";
import type { Topic, Topics } from "./topics.ts";
import type { BrokerCounters, ProduceOptions } from "./types.ts";

export interface KeyedProducingOptions {
  readonly topics: Topics;
  readonly producing: Producing;
  readonly producerIds: ProducerIds;
  readonly clock: Clock;
  readonly counters: BrokerCounters;
  readonly table?: IdempotencyTableOptions;
}

/** One try to store what is not stored yet. */
interface Attempt {
  readonly topic: Topic;
  readonly scopedKey: string;
  readonly hash: string;
  readonly route: readonly RouteStep[];
  /** What earlier attempts have stored. */
  readonly landed: readonly Piece[];
  readonly rest: readonly Run[];
  readonly options: ProduceOptions;
  /** What is known again when this attempt comes to nothing. */
  readonly before: Interrupted | null;
}

export class KeyedProducing {
  readonly #options: KeyedProducingOptions;
  readonly #table: IdempotencyTable;
  readonly #log: IdempotencyLog;
  /** Ids that no request needs any more. */
  readonly #idle: ProducerId[] = [];
  /** Why the keys that were kept are not known, or null. */
  #failure: unknown = null;

  constructor(options: KeyedProducingOptions) {
    this.#options = options;
    this.#table = new IdempotencyTable(options.table);
    this.#log = new IdempotencyLog(options.topics);
  }

  /** Reads what is kept, once the topics are open. A broker whose keys are damaged serves all but requests with keys. */
  async open(): Promise<void> {
    try {
      await this.#log.replay((record) => this.#table.replay(record));
    } catch (thrown) {
      if (!(thrown instanceof SentinelError)) throw thrown;
      this.#failure = thrown;
      return;
    }
    this.#table.expire(this.#options.clock.nowMs());
    const byId = new Map([...this.#options.topics.values()].map((topic) => [topic.entry.topicId, topic]));
    // Now: nobody has written with these ids since the crash, and no partition has had to forget them.
    for (const { scopedKey, is } of [...this.#table.interrupted()]) {
      const topic = byId.get(scopedKey.slice(0, scopedKey.indexOf(" ")));
      const landed = topic === undefined ? [] : this.#landedOf(topic, is.intent);
      if (landed !== null) this.#settle(scopedKey, landed);
    }
    this.#options.counters.idempotencyKeys = this.#table.size;
  }

  async produce(
    name: string,
    key: string,
    records: readonly RoutedRecord[],
    options: ProduceOptions,
  ): Promise<KeyedOutcome> {
    assertIdempotencyKey(key);
    if (options.acks === "none") {
      throw new SentinelError("invalid_parameter", "With an idempotency key acks must be leader or all");
    }
    if (this.#failure !== null) throw this.#failure;
    const hash = requestHash(records, options.expectedOffset);
    const { topics, producing } = this.#options;
    const topic = topics.get(name) ?? await producing.createFor(name, records);
    const scoped = scopedKey(topic.entry.topicId, key);
    const found = this.#table.find(scoped, hash, this.#options.clock.nowMs());
    const { counters } = this.#options;
    if (found?.state === "answered") {
      counters.idempotencyReplays += 1;
      return { replayed: true, outcomes: this.#outcomesOf(topic, found.answer) };
    }
    try {
      if (found === null) return await this.#begin(topic, scoped, hash, records, options);
      return await this.#resume(topic, scoped, records, found, options);
    } finally {
      counters.idempotencyKeys = this.#table.size;
    }
  }

  #begin(
    topic: Topic,
    scoped: string,
    hash: string,
    records: readonly RoutedRecord[],
    options: ProduceOptions,
  ): Promise<KeyedOutcome> {
    const rest = this.#options.producing.route(topic.entry.name, records, topic.entry.partitions);
    const replicas = rest.map(({ partition }) => replicaOf(topic, partition));
    for (const replica of replicas) assertExpectedOffset(replica, options);
    if (replicas.every(({ failure }) => failure !== null)) throw replicas[0]!.failure;
    const route = routeOf(rest);
    return this.#attempt({ topic, scopedKey: scoped, hash, route, landed: [], rest, options, before: null });
  }

  #resume(
    topic: Topic,
    scoped: string,
    records: readonly RoutedRecord[],
    found: Interrupted,
    options: ProduceOptions,
  ): Promise<KeyedOutcome> {
    const { hash, route } = found.intent;
    const landed = found.landed ?? this.#landedOf(topic, found.intent);
    if (landed === null) throw unknownOutcome(topic, found.intent);
    const before: Interrupted = { ...found, landed };
    const rest = restOf(topic.entry.name, records, route, landed);
    const { expectedOffset: _, ...always } = options;
    const isBegun = landed.length > 0;
    return this.#attempt({
      topic,
      scopedKey: scoped,
      hash,
      route,
      landed,
      rest,
      options: isBegun ? always : options,
      before,
    });
  }

  /** Nothing waits before the key is marked as in work, and no end leaves it so. */
  async #attempt(attempt: Attempt): Promise<KeyedOutcome> {
    const { topic, scopedKey, hash, route, landed, rest, before } = attempt;
    const nowMs = this.#options.clock.nowMs();
    const cuts = rest.map((run) => cutRun(run, topic.settings, nowMs));
    this.#table.begin(scopedKey, hash, route.length + landed.length + rest.length, nowMs);
    if (rest.length === 0) return await this.#keepAnswer(attempt, landed, null, true);
    let intent: Intent;
    try {
      intent = await this.#intend(attempt, nowMs);
    } catch (thrown) {
      // Nothing is appended yet.
      if (before === null) this.#table.giveUp(scopedKey);
      else this.#table.end(scopedKey, before, nowMs);
      throw thrown;
    }
    try {
      return await this.#append(attempt, intent, cuts, nowMs);
    } catch (thrown) {
      this.#table.interrupt(scopedKey, intent, nowMs);
      throw thrown;
    }
  }

  async #intend(attempt: Attempt, nowMs: TimestampMs): Promise<Intent> {
    const { topic, scopedKey, hash, route, landed, rest } = attempt;
    const producerId = this.#idle.pop() ?? await this.#options.producerIds.next();
    const runs = rest.map(({ partition, records }): SequencedRun => {
      const last = replicaOf(topic, partition).producer(producerId)?.batches.at(-1);
      return [partition, last === undefined ? 0 : sequenceAfter(last.lastSequence, 1), records.length];
    });
    const intent: Intent = { type: "intent", hash, producerId, route, runs, landed };
    await this.#log.append({ scopedKey, timestamp: nowMs, value: intent });
    return intent;
  }

  async #append(
    attempt: Attempt,
    intent: Intent,
    cuts: readonly (readonly (readonly RecordInput[])[])[],
    nowMs: TimestampMs,
  ): Promise<KeyedOutcome> {
    const { topic, rest, landed, options } = attempt;
    const { producing } = this.#options;
    const { producerId } = intent;
    const outcomes = await Promise.all(rest.map((run, at) => {
      const batches = buildRun(cuts[at]!, topic.settings, nowMs, { producerId, firstSequence: intent.runs[at]![1] });
      return producing.appendRun(topic, run, batches, options);
    }));
    const stored = outcomes.flatMap((outcome): Piece[] =>
      outcome.ok ? [[outcome.ack.partition, outcome.ack.first, outcome.ack.count]] : []
    );
    if (stored.length < rest.length) return this.#fail(attempt, intent, outcomes);
    const pieces = [...landed, ...stored].sort((left, right) => left[0] - right[0]);
    return await this.#keepAnswer(attempt, pieces, producerId, false);
  }

  /** Everything is stored. The answer's record only makes the intent needless: without it the same answer is found again. */
  async #keepAnswer(
    attempt: Attempt,
    pieces: readonly Piece[],
    producerId: ProducerId | null,
    replayed: boolean,
  ): Promise<KeyedOutcome> {
    const { topic, scopedKey, hash, route } = attempt;
    const durability = this.#options.producing.durabilityOf(topic, attempt.options);
    const answer: KeyedAnswer = { type: "answer", hash, route, pieces, durability };
    const timestamp = this.#options.clock.nowMs();
    let isKept = true;
    try {
      await this.#log.append({ scopedKey, timestamp, value: answer });
    } catch (thrown) {
      if (!(thrown instanceof SentinelError)) throw thrown;
      isKept = false;
    }
    if (isKept && producerId !== null && this.#idle.length < LIMITS.idempotencyProducersMax) {
      this.#idle.push(producerId);
    }
    this.#table.end(scopedKey, { state: "answered", answer }, timestamp);
    return { replayed, outcomes: this.#outcomesOf(topic, answer) };
  }

  /** Some records are not stored, or nobody knows whether they are. */
  #fail(attempt: Attempt, intent: Intent, outcomes: readonly ProduceOutcome[]): KeyedOutcome {
    const { topic, scopedKey } = attempt;
    const nowMs = this.#options.clock.nowMs();
    this.#table.end(scopedKey, { state: "interrupted", intent, landed: null }, nowMs);
    const landed = this.#landedOf(topic, intent);
    if (landed !== null) this.#settle(scopedKey, landed);
    // Without this record the next start finds out by itself that nothing is stored.
    if (landed?.length === 0) this.#log.append({ scopedKey, timestamp: nowMs, value: null }).catch(ignoreRefusal);
    for (const outcome of outcomes) if (!outcome.ok && isOffsetMismatch(outcome.error)) throw outcome.error;
    const durability = this.#options.producing.durabilityOf(topic, attempt.options);
    const stored = outcomesOf(intent.route, attempt.landed, ackOf(topic, durability));
    return { replayed: false, outcomes: [...stored, ...outcomes] };
  }

  /** The partitions have told what is stored of an interrupted request. */
  #settle(scopedKey: string, landed: readonly Piece[]): void {
    if (landed.length === 0) this.#table.giveUp(scopedKey);
    else this.#table.settle(scopedKey, landed);
  }

  /** Null: a partition cannot tell, since its log has failed. */
  #landedOf(topic: Topic, intent: Intent): readonly Piece[] | null {
    const replicas = intent.runs.map(([partition]) => replicaOf(topic, partition));
    if (replicas.some(({ failure }) => failure !== null)) return null;
    return [...intent.landed, ...intent.runs.flatMap((run, at) => landedOf(replicas[at]!, intent, run))];
  }

  #outcomesOf(topic: Topic, { route, pieces, durability }: KeyedAnswer): ProduceOutcome[] {
    return outcomesOf(route, pieces, ackOf(topic, durability));
  }
}

/** A partition whose log has failed knows after a restart what is stored. */
function unknownOutcome(topic: Topic, { runs }: Intent): SentinelError {
  const failed = runs.map(([partition]) => replicaOf(topic, partition)).find(({ failure }) => failure !== null);
  assert(failed !== undefined && failed.failure !== null, "a partition that cannot tell has failed");
  return failed.failure;
}

function ackOf(topic: Topic, durability: KeyedAnswer["durability"]) {
  return { durability, logStartOf: (partition: number) => topic.replicas[partition]?.startOffset ?? 0 };
}

function ignoreRefusal(thrown: unknown): void {
  assert(thrown instanceof SentinelError, () => `An append failed with ${thrown}`);
}
