/**
 * The coordinator of this node's groups: pure machines, fed from connections, clock and log, and what they want done.
 * A group's state is in memory and in the log (`__consumer_offsets`); an answer that tells of a change leaves only when
 * the log has it.
 */
import { assert } from "../../base/assert.ts";
import { asSentinelError } from "../../base/errors.ts";
import type { ErrorCode, SentinelError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import { utf8Bytes } from "../../bytes/utf8.ts";
import type { Cancel, Clock } from "../../platform/clock.ts";
import type { Random } from "../../platform/random.ts";
import { Group } from "./group.ts";
import type { Position } from "./group.ts";
import { done, joinFailure, syncFailure } from "./group_answers.ts";
import type { OffsetTotals } from "./group_offsets.ts";
import { partitionOfGroup } from "./group_partition.ts";
import { makeMemberId } from "./member_id.ts";
import type { OffsetsPartition } from "./offsets_partition.ts";
import type {
  DoneAnswer,
  GroupAnswer,
  GroupRecord,
  GroupSettings,
  JoinAnswer,
  JoinRequest,
  LeaveOutcome,
  LeavingMember,
  MemberClaim,
  Moment,
  SyncAnswer,
  SyncRequest,
  Ticket,
} from "./group_types.ts";

export interface GroupCoordinatorOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: GroupSettings;
  /** Whether a position that was read is of a topic that is gone: a crash may come between its end and theirs. */
  readonly isGone: (position: Position) => boolean;
  /** Told when a partition of the offsets topic cannot be read: its groups are not available then. */
  readonly onError: (error: SentinelError) => void;
}

/** A group with what the coordinator keeps of it. */
interface Entry {
  readonly group: Group;
  readonly partition: OffsetsPartition;
  timer: Cancel | null;
  timerMs: number;
}

export class GroupCoordinator {
  readonly #options: GroupCoordinatorOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #waiting = new Map<Ticket, (answer: GroupAnswer) => void>();
  #partitions: readonly OffsetsPartition[] = [];
  #loading: Promise<void> = Promise.resolve();
  readonly totals: OffsetTotals = { positions: 0 };
  #nextTicket: Ticket = 1;
  #isStopping = false;

  constructor(options: GroupCoordinatorOptions) {
    this.#options = options;
  }

  /** Whether the offsets topic is known; without it there are no groups. */
  get isOpen(): boolean {
    return this.#partitions.length > 0;
  }

  get isLoading(): boolean {
    return this.#partitions.some(({ fault }) => fault === "coordinator_loading");
  }

  /** Resolves when every partition has been read, or has failed to be. */
  get loaded(): Promise<void> {
    return this.#loading;
  }

  get settings(): GroupSettings {
    return this.#options.settings;
  }

  /** Begins to read the partitions of the offsets topic; their groups answer `coordinator_loading` meanwhile. */
  open(partitions: readonly OffsetsPartition[]): void {
    assert(!this.isOpen, "The offsets topic is opened once");
    this.#partitions = partitions;
    this.#loading = this.#load();
  }

  /** Groups that are there, in the order in which they were made. */
  *groups(): IterableIterator<Group> {
    for (const { group } of this.#entries.values()) if (group.state !== "Dead") yield group;
  }

  get(groupId: string): Group | undefined {
    return this.#entries.get(groupId)?.group;
  }

  /** Why a group cannot be asked, or null. */
  fault(groupId: string): ErrorCode | null {
    if (groupId === "" || utf8Bytes(groupId) > LIMITS.groupNameBytesMax) return "invalid_group_id";
    if (!this.isOpen) return "coordinator_unavailable";
    return this.#partitionOf(groupId).fault;
  }

  join(groupId: string, request: Omit<JoinRequest, "newMemberId">): Promise<JoinAnswer> {
    const { memberId, instanceId, clientId } = request;
    const fail = (error: ErrorCode) => Promise.resolve(joinFailure(error, memberId));
    const fault = this.fault(groupId);
    if (fault !== null) return fail(fault);
    if (this.#isStopping) return fail("not_coordinator");
    // Only a newcomer makes a group: whoever brings an id was in one that is gone.
    const entry = memberId === "" ? this.#getOrMake(groupId) : this.#entries.get(groupId) ?? "unknown_member";
    if (typeof entry === "string") return fail(entry);
    const newMemberId = memberId === ""
      ? makeMemberId(instanceId ?? clientId, (into) => this.#options.random.fill(into))
      : memberId;
    // Copies: what they were read from is the whole frame.
    const protocols = request.protocols.map(({ name, metadata }) => ({ name, metadata: metadata.slice() }));
    return this.#ask<JoinAnswer>(
      entry,
      "join",
      (ticket, now) => entry.group.join({ ...request, protocols, newMemberId }, ticket, now),
    );
  }

  sync(groupId: string, request: SyncRequest): Promise<SyncAnswer> {
    const fault = this.fault(groupId) ?? (this.#isStopping ? "not_coordinator" : null) ?? assignmentsFault(request);
    if (fault !== null) return Promise.resolve(syncFailure(fault));
    const entry = this.#entries.get(groupId);
    if (entry === undefined) return Promise.resolve(syncFailure("unknown_member"));
    const assignments = new Map([...request.assignments].map(([memberId, bytes]) => [memberId, bytes.slice()]));
    return this.#ask<SyncAnswer>(
      entry,
      "sync",
      (ticket, now) => entry.group.sync({ ...request, assignments }, ticket, now),
    );
  }

  heartbeat(groupId: string, claim: MemberClaim): ErrorCode | null {
    const fault = this.fault(groupId);
    if (fault !== null) return fault;
    const entry = this.#entries.get(groupId);
    if (entry === undefined) return "unknown_member";
    const answer = entry.group.heartbeat(claim, this.#now());
    this.#settle(entry);
    return answer;
  }

  leave(groupId: string, members: readonly LeavingMember[]): LeaveOutcome[] {
    const fault = this.fault(groupId);
    const entry = this.#entries.get(groupId);
    if (fault !== null || entry === undefined) {
      return members.map((member) => ({ ...member, error: fault ?? "unknown_member" }));
    }
    const outcomes = entry.group.leave(members, this.#now());
    this.#settle(entry);
    return outcomes;
  }

  /** Runs `ask` on a group that is there, or is made when `mayMake` says so. */
  change(
    groupId: string,
    mayMake: boolean,
    ask: (group: Group, ticket: Ticket, now: Moment) => void,
  ): Promise<DoneAnswer> {
    const fault = this.fault(groupId);
    if (fault !== null) return Promise.resolve(done(fault));
    const entry = mayMake ? this.#getOrMake(groupId) : this.#entries.get(groupId) ?? "unknown_group";
    if (typeof entry === "string") return Promise.resolve(done(entry));
    return this.#ask<DoneAnswer>(entry, "done", (ticket, now) => ask(entry.group, ticket, now));
  }

  /** Deletes positions of topics that are gone, in every group. */
  forget(isGone: (position: Position) => boolean): void {
    for (const entry of [...this.#entries.values()]) {
      entry.group.forget(isGone);
      this.#settle(entry);
    }
  }

  /** Deletes positions and groups whose time is over. */
  expire(): void {
    const now = this.#now();
    for (const entry of [...this.#entries.values()]) {
      entry.group.expire(now);
      this.#settle(entry);
    }
  }

  /** Answers whoever waits, and lets nobody wait any more. Positions are taken until the log closes. */
  stop(): void {
    this.#isStopping = true;
    for (const entry of [...this.#entries.values()]) {
      entry.group.endWaits("not_coordinator");
      this.#settle(entry);
      entry.timer?.();
      entry.timer = null;
      entry.timerMs = Infinity;
    }
  }

  // -- Inside -------------------------------------------------------------------------------------------------------

  async #load(): Promise<void> {
    await Promise.all(this.#partitions.map(async (partition) => {
      const restored = new Map<string, Entry>();
      try {
        await partition.load((record) => this.#restore(partition, restored, record));
      } catch (thrown) {
        this.#options.onError(asSentinelError(thrown));
        return;
      }
      for (const [groupId, entry] of restored) {
        this.#entries.set(groupId, entry);
        entry.group.forget(this.#options.isGone);
        this.#settle(entry);
      }
    }));
  }

  #restore(partition: OffsetsPartition, restored: Map<string, Entry>, record: GroupRecord): void {
    let entry = restored.get(record.group);
    if (entry === undefined) {
      entry = makeEntry(new Group(record.group, this.settings, this.totals), partition);
      restored.set(record.group, entry);
    }
    entry.group.restore(record, this.#now());
  }

  #partitionOf(groupId: string): OffsetsPartition {
    return this.#partitions[partitionOfGroup(groupId, this.#partitions.length)]!;
  }

  #getOrMake(groupId: string): Entry | ErrorCode {
    const known = this.#entries.get(groupId);
    if (known !== undefined) return known;
    if (this.#entries.size >= LIMITS.groupsMax) return "coordinator_unavailable";
    const entry = makeEntry(new Group(groupId, this.settings, this.totals), this.#partitionOf(groupId));
    this.#entries.set(groupId, entry);
    return entry;
  }

  #ask<Answer extends GroupAnswer>(
    entry: Entry,
    kind: Answer["kind"],
    ask: (ticket: Ticket, now: Moment) => void,
  ): Promise<Answer> {
    const ticket = this.#nextTicket++;
    return new Promise((resolve) => {
      this.#waiting.set(ticket, (answer) => {
        assert(answer.kind === kind, () => `A request for ${kind} was answered with ${answer.kind}`);
        resolve(answer as Answer);
      });
      ask(ticket, this.#now());
      this.#settle(entry);
    });
  }

  /** Does what a group wants done, forgets it when nothing of it is left, and sets its timer. */
  #settle(entry: Entry): void {
    const { group } = entry;
    const now = this.#now();
    while (group.deadlineMs <= now.monotonicMs) group.tick(now);
    for (const effect of group.take()) {
      if (effect.kind === "reply") this.#reply(effect.ticket, effect.answer);
      else this.#append(entry, effect.write, effect.records);
    }
    if (group.isVacant) {
      if (this.#entries.get(group.groupId) === entry) this.#entries.delete(group.groupId);
      entry.timer?.();
      entry.timer = null;
    } else if (group.deadlineMs < entry.timerMs && !this.#isStopping) this.#schedule(entry);
  }

  #reply(ticket: Ticket, answer: GroupAnswer): void {
    const resolve = this.#waiting.get(ticket);
    assert(resolve !== undefined, () => `Request ${ticket} of a group is answered twice`);
    this.#waiting.delete(ticket);
    resolve(answer);
  }

  #append(entry: Entry, write: number, records: readonly GroupRecord[]): void {
    const settle = (failure: ErrorCode | null): void => {
      entry.group.appended(write, failure, this.#now());
      this.#settle(entry);
    };
    let acknowledged: Promise<void>;
    try {
      acknowledged = entry.partition.append(records);
    } catch (thrown) {
      acknowledged = Promise.reject(asSentinelError(thrown));
    }
    acknowledged.then(() => settle(null), (thrown: unknown) => settle(writeFailure(asSentinelError(thrown))));
  }

  #schedule(entry: Entry): void {
    entry.timer?.();
    const { deadlineMs } = entry.group;
    entry.timerMs = deadlineMs;
    entry.timer = this.#options.clock.after(Math.max(0, deadlineMs - this.#now().monotonicMs), () => {
      entry.timer = null;
      entry.timerMs = Infinity;
      this.#settle(entry);
    });
  }

  #now(): Moment {
    const { clock } = this.#options;
    return { monotonicMs: clock.monotonicMs(), wallMs: clock.nowMs() };
  }
}

function makeEntry(group: Group, partition: OffsetsPartition): Entry {
  return { group, partition, timer: null, timerMs: Infinity };
}

function assignmentsFault({ assignments }: SyncRequest): ErrorCode | null {
  let bytes = 0;
  for (const assignment of assignments.values()) {
    if (assignment.length > LIMITS.groupMemberBytesMax) return "invalid_request";
    bytes += assignment.length;
  }
  return bytes > LIMITS.groupAssignmentsBytesMax ? "invalid_request" : null;
}

/** What a client is told of an append that failed (CoordinatorRuntime.java): ask again, here or where else. */
function writeFailure(error: SentinelError): ErrorCode {
  switch (error.code) {
    case "overloaded":
    case "not_enough_replicas":
    case "timed_out":
    case "coordinator_unavailable":
      return "coordinator_unavailable";
    case "not_leader":
    case "storage_error":
    case "shutting_down":
    case "unknown_topic":
      return "not_coordinator";
    case "too_large":
      return "too_large";
    default:
      return "internal";
  }
}
