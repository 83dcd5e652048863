import type { Offset } from "../../base/ids.ts";
import { LIMITS } from "../../base/limits.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Random } from "../../platform/random.ts";
import { KAFKA_ERRORS } from "./wire/error_codes.ts";
import type { FetchRequest } from "./wire/messages/fetch.ts";

export type RequestedPartition = FetchRequest["topics"][number]["partitions"][number];

/** A partition that a fetch is about, with the topic as the client named it. */
export interface AskedPartition {
  readonly topic: string;
  readonly topicId: string;
  readonly requested: RequestedPartition;
}

/** What a client was told last of a partition in its session; −1 after an error, so that it is told again. */
interface Told {
  highWatermark: Offset;
  lastStable: Offset;
  logStart: Offset;
}

interface SessionPartition extends AskedPartition {
  readonly told: Told;
}

/** The partitions that a client has asked for, so that it need not name them each time (KIP-227). */
export interface FetchSession {
  readonly id: number;
  /** Whether topics have ids in it, as in its first request. */
  readonly usesIds: boolean;
  /** In the order in which they are read; what brought records goes to the end, so that none is starved. */
  readonly partitions: Map<string, SessionPartition>;
  /** What the next request of the session must say. */
  epoch: number;
  lastUsedMs: number;
}

/** How a request is to be answered. */
export interface FetchPlan {
  /** Null: nobody remembers this request. */
  readonly session: FetchSession | null;
  /** Whether only what has changed is told. */
  readonly isIncremental: boolean;
  readonly asked: readonly AskedPartition[];
}

export interface FetchPlanFault {
  readonly errorCode: number;
}

export interface FetchSessionsOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Default `LIMITS.kafkaFetchSessionsMax`. */
  readonly sessionsMax?: number;
  /** Default `LIMITS.kafkaFetchSessionPartitionsMax`. */
  readonly partitionsMax?: number;
}

/** The request epochs that mean something else than "the next of my session". */
const EPOCH_INITIAL = 0;
const EPOCH_FINAL = -1;
const EPOCH_MAX = 0x7fff_ffff;
const ID_MAX = 0x7fff_ffff;

/**
 * The fetch sessions of a broker. They belong to no connection: a client that reconnects goes on with its own. There are
 * only so many; a new one takes the place of one that was not used for a while, or there is none, and the client asks in
 * full each time, which is always right.
 */
export class FetchSessions {
  /** The one that was not used for the longest time first. */
  readonly #sessions = new Map<number, FetchSession>();
  readonly #options: FetchSessionsOptions;
  #partitionCount = 0;

  constructor(options: FetchSessionsOptions) {
    this.#options = options;
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  get partitionCount(): number {
    return this.#partitionCount;
  }

  /** What the request asks for, and the session that it begins or goes on with. */
  plan(request: FetchRequest, usesIds: boolean): FetchPlan | FetchPlanFault {
    const { sessionId, sessionEpoch } = request;
    if (sessionEpoch === EPOCH_FINAL || sessionEpoch === EPOCH_INITIAL) {
      const previous = this.#sessions.get(sessionId);
      if (previous !== undefined) this.#remove(previous);
      const asked = askedIn(request);
      const session = sessionEpoch === EPOCH_INITIAL ? this.#open(asked, usesIds) : null;
      return { session, isIncremental: false, asked };
    }
    const session = this.#sessions.get(sessionId);
    if (session === undefined) return { errorCode: KAFKA_ERRORS.FETCH_SESSION_ID_NOT_FOUND };
    if (session.usesIds !== usesIds) return { errorCode: KAFKA_ERRORS.FETCH_SESSION_TOPIC_ID_ERROR };
    if (session.epoch !== sessionEpoch) return { errorCode: KAFKA_ERRORS.INVALID_FETCH_SESSION_EPOCH };
    return this.#continue(session, request);
  }

  #continue(session: FetchSession, request: FetchRequest): FetchPlan {
    session.epoch = session.epoch === EPOCH_MAX ? 1 : session.epoch + 1;
    session.lastUsedMs = this.#options.clock.monotonicMs();
    this.#sessions.delete(session.id);
    this.#sessions.set(session.id, session);
    const before = session.partitions.size;
    for (const { topic, topicId, partitions } of request.forgottenTopicsData) {
      for (const partition of partitions) session.partitions.delete(keyOf(topic, topicId, partition));
    }
    for (const asked of askedIn(request)) {
      const key = keyOf(asked.topic, asked.topicId, asked.requested.partition);
      session.partitions.set(key, { ...asked, told: session.partitions.get(key)?.told ?? nothingTold() });
    }
    this.#partitionCount += session.partitions.size - before;
    if (session.partitions.size === 0 || this.#partitionCount > this.#partitionsMax) {
      // Answered once more in full, and then forgotten.
      const asked = [...session.partitions.values()];
      this.#remove(session);
      return { session: null, isIncremental: false, asked };
    }
    return { session, isIncremental: true, asked: [...session.partitions.values()] };
  }

  #open(asked: readonly AskedPartition[], usesIds: boolean): FetchSession | null {
    if (asked.length === 0 || !this.#makeRoom(asked.length)) return null;
    const partitions = new Map<string, SessionPartition>();
    for (const one of asked) {
      partitions.set(keyOf(one.topic, one.topicId, one.requested.partition), { ...one, told: nothingTold() });
    }
    const lastUsedMs = this.#options.clock.monotonicMs();
    const session = { id: this.#newId(), usesIds, partitions, epoch: 1, lastUsedMs };
    this.#sessions.set(session.id, session);
    this.#partitionCount += partitions.size;
    return session;
  }

  /** Whether one more session with so many partitions may be; the oldest go for it if they are old enough. */
  #makeRoom(partitions: number): boolean {
    const { sessionsMax = LIMITS.kafkaFetchSessionsMax, clock } = this.#options;
    const isFull = (): boolean =>
      this.#sessions.size >= sessionsMax || this.#partitionCount + partitions > this.#partitionsMax;
    const usedBeforeMs = clock.monotonicMs() - LIMITS.kafkaFetchSessionEvictionMsMin;
    for (const session of this.#sessions.values()) {
      if (!isFull() || session.lastUsedMs > usedBeforeMs) break;
      this.#remove(session);
    }
    return !isFull();
  }

  get #partitionsMax(): number {
    return this.#options.partitionsMax ?? LIMITS.kafkaFetchSessionPartitionsMax;
  }

  #remove(session: FetchSession): void {
    if (this.#sessions.delete(session.id)) this.#partitionCount -= session.partitions.size;
  }

  /** A client of before a restart must not find somebody else's session under its id. */
  #newId(): number {
    while (true) {
      const id = this.#options.random.uint32() & ID_MAX;
      if (id !== 0 && !this.#sessions.has(id)) return id;
    }
  }
}

export function isFetchPlanFault(plan: FetchPlan | FetchPlanFault): plan is FetchPlanFault {
  return "errorCode" in plan;
}

/**
 * Notes in a session what a partition's answer tells, and says whether it tells anything new. `hasRecords`: it is read
 * last from now on.
 */
export function noteTold(
  session: FetchSession,
  { topic, topicId, requested }: AskedPartition,
  answer: { readonly errorCode: number; readonly hasRecords: boolean } & Readonly<Told>,
): boolean {
  const key = keyOf(topic, topicId, requested.partition);
  const partition = session.partitions.get(key);
  if (partition === undefined) return true;
  const { told } = partition;
  const { highWatermark, lastStable, logStart, hasRecords, errorCode } = answer;
  const isNew = hasRecords || errorCode !== KAFKA_ERRORS.NONE || told.highWatermark !== highWatermark ||
    told.lastStable !== lastStable || told.logStart !== logStart;
  Object.assign(told, { highWatermark, lastStable, logStart });
  if (hasRecords) {
    session.partitions.delete(key);
    session.partitions.set(key, partition);
  }
  return isNew;
}

function askedIn({ topics }: FetchRequest): AskedPartition[] {
  return topics.flatMap(({ topic, topicId, partitions }) =>
    partitions.map((requested) => ({ topic, topicId, requested }))
  );
}

function nothingTold(): Told {
  return { highWatermark: -1, lastStable: -1, logStart: -1 };
}

/** Names have no slash in them, and where topics have ids the name is empty. */
function keyOf(topic: string, topicId: string, partition: number): string {
  return `${topic}/${topicId}/${partition}`;
}
