/**
 * How the members of a group come to a new generation (GroupMetadataManager.java, the classic half): who is waited for,
 * for how long, who is dropped. A pure machine: time comes in, what it wants done goes to the outbox.
 *
 * Empty → PreparingRebalance: waiting for joins → CompletingRebalance: waiting for the leader's assignment → Stable; from
 * each of the last two back to PreparingRebalance when someone comes, goes or changes; Empty when nobody is left.
 *
 * Invariants (`assertInvariants`):
 * - the generation never goes down
 * - a join is parked only while joins are collected, or while a static member's new id is being stored
 * - a sync is parked only while the assignment is awaited
 * - Empty and Dead have no members; CompletingRebalance and Stable have some, and a protocol
 */
import { assert } from "../../base/assert.ts";
import { LIMITS } from "../../base/limits.ts";
import type { ErrorCode } from "../../base/errors.ts";
import { joinFailure, syncFailure } from "./group_answers.ts";
import { joinedMember, NO_BYTES, restoredMember, storedMember } from "./group_member.ts";
import type { GroupMember, ParkedJoin } from "./group_member.ts";
import type { GroupOutbox } from "./group_outbox.ts";
import { GroupRoster } from "./group_roster.ts";
import type { GroupRecord, GroupSettings, GroupState, JoinAnswer, Moment, StoredGroup } from "./group_types.ts";

/** The first rebalance of an empty group, which waits for others to come (KIP-134). */
interface InitialDelay {
  /** How much longer it may be put off. */
  remainingMs: number;
  /** Somebody came since the delay began: it is put off once more. */
  hasNewcomer: boolean;
}

/** What a tombstone leaves. */
const NO_GROUP: StoredGroup = {
  protocolType: "",
  generation: 0,
  protocol: null,
  leader: null,
  stateTimestampMs: -1,
  members: [],
};

export class GroupRebalance {
  readonly roster = new GroupRoster();
  readonly #groupId: string;
  readonly #settings: GroupSettings;
  readonly #outbox: GroupOutbox;
  #state: GroupState = "Empty";
  #stateTimestampMs = -1;
  #generation = 0;
  protocolType: string | null = null;
  /** The log holds a record of the group itself: its end needs a tombstone. */
  isStored = false;
  #protocolName: string | null = null;
  #initial: InitialDelay | null = null;
  #joinDeadlineMs = Infinity;
  #syncDeadlineMs = Infinity;
  /** Members that have not asked for this generation's assignment. */
  readonly #unsynced = new Set<string>();
  /** No deadline is before it. Members move theirs up all the time; then it is early, never late. */
  #deadlineMs = Infinity;

  constructor(groupId: string, settings: GroupSettings, outbox: GroupOutbox) {
    this.#groupId = groupId;
    this.#settings = settings;
    this.#outbox = outbox;
  }

  get state(): GroupState {
    return this.#state;
  }

  /** When the state last changed, by the wall clock; −1 never. */
  get stateTimestampMs(): number {
    return this.#stateTimestampMs;
  }

  get generation(): number {
    return this.#generation;
  }

  get protocolName(): string | null {
    return this.#protocolName;
  }

  /** When `tick` is to be called, at the latest. */
  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  enter(state: GroupState, now: Moment): void {
    this.#state = state;
    this.#stateTimestampMs = now.wallMs;
  }

  /** As the log knew it; null: as if it had never been. */
  restore(value: StoredGroup | null, now: Moment): void {
    const stored = value ?? NO_GROUP;
    this.isStored = value !== null;
    for (const member of [...this.roster.members.values()]) this.roster.remove(member);
    this.#state = stored.members.length === 0 ? "Empty" : "Stable";
    this.#stateTimestampMs = stored.stateTimestampMs;
    this.#generation = stored.generation;
    this.protocolType = stored.protocolType === "" ? null : stored.protocolType;
    this.#protocolName = stored.protocol;
    for (const member of stored.members) {
      this.roster.add(restoredMember(member, stored.protocol, now.monotonicMs));
      this.#arm(now.monotonicMs + member.sessionTimeoutMs);
    }
    if (stored.leader !== null && this.roster.members.has(stored.leader)) this.roster.leaderId = stored.leader;
  }

  /** A member has said something. */
  touch(member: GroupMember, now: Moment): void {
    this.#expireAfter(member, member.sessionTimeoutMs, now);
  }

  /** An id was given out; unless it is used, it is forgotten after the session time-out. */
  expect(memberId: string, sessionTimeoutMs: number, now: Moment): void {
    const deadlineMs = now.monotonicMs + sessionTimeoutMs;
    this.roster.pending.set(memberId, deadlineMs);
    this.#arm(deadlineMs);
  }

  /** A newcomer, whose join is parked. */
  add(member: GroupMember, now: Moment): void {
    this.roster.add(member);
    // Nobody waits longer than this for a rebalance that does not end: the client is gone by then.
    this.#expireAfter(member, LIMITS.groupNewMemberJoinMsMax, now);
    if (this.#initial !== null) this.#initial.hasNewcomer = true;
    this.startOrGoOn(now);
  }

  /** Keeps a join until the rebalance ends. One member has one: an earlier one is answered. */
  park(member: GroupMember, join: ParkedJoin): void {
    const previous = this.roster.park(member, join);
    if (previous !== null) this.#outbox.reply(previous.ticket, joinFailure("rebalance_in_progress", member.memberId));
  }

  /** Begins a rebalance, or looks whether the one under way has all it waits for. */
  startOrGoOn(now: Moment): void {
    if (this.#state === "PreparingRebalance") this.maybeComplete(now);
    else this.start(now);
  }

  start(now: Moment): void {
    const isInitial = this.#state === "Empty";
    this.endSyncs("rebalance_in_progress");
    this.#syncDeadlineMs = Infinity;
    this.enter("PreparingRebalance", now);
    const { initialRebalanceDelayMs } = this.#settings;
    if (isInitial) {
      const remainingMs = Math.max(0, this.roster.rebalanceTimeoutMs - initialRebalanceDelayMs);
      this.#initial = { remainingMs, hasNewcomer: false };
      this.#armJoin(now.monotonicMs + initialRebalanceDelayMs);
      return;
    }
    this.#initial = null;
    this.#armJoin(now.monotonicMs + this.roster.rebalanceTimeoutMs);
    this.maybeComplete(now);
  }

  maybeComplete(now: Moment): void {
    if (this.#state === "PreparingRebalance" && this.#initial === null && this.roster.haveAllJoined) {
      this.#completeJoin(now);
    }
  }

  /** Takes a member out and answers what it waits for; the rebalance that follows is the caller's to begin. */
  drop(member: GroupMember): void {
    this.endWaits(member, "unknown_member");
    this.#unsynced.delete(member.memberId);
    this.roster.remove(member);
  }

  /** Answers what a member waits for with an error. */
  endWaits(member: GroupMember, error: ErrorCode): void {
    const { parkedSync } = member;
    const parkedJoin = this.roster.unpark(member);
    member.parkedSync = null;
    if (parkedJoin !== null) this.#outbox.reply(parkedJoin.ticket, joinFailure(error, member.memberId));
    if (parkedSync !== null) this.#outbox.reply(parkedSync, syncFailure(error));
  }

  afterDrop(now: Moment): void {
    if (this.#state === "Stable" || this.#state === "CompletingRebalance") this.start(now);
    else this.maybeComplete(now);
  }

  /** Answers every parked sync with an error; the assignment that they waited for will not come. */
  endSyncs(error: ErrorCode): void {
    if (this.#state !== "CompletingRebalance") return;
    for (const member of this.roster.members.values()) {
      member.assignment = NO_BYTES;
      if (member.parkedSync === null) continue;
      this.#outbox.reply(member.parkedSync, syncFailure(error));
      member.parkedSync = null;
    }
  }

  /** A member has asked for the assignment of this generation. */
  synced(member: GroupMember): void {
    this.#unsynced.delete(member.memberId);
    if (this.#state === "Stable" && this.#unsynced.size === 0) this.#syncDeadlineMs = Infinity;
  }

  /** What a member that is up to date is told. The leader gets the members, for it assigns. */
  joinAnswer(member: GroupMember): JoinAnswer {
    const isLeader = this.roster.leaderId === member.memberId;
    const members = isLeader
      ? [...this.roster.members.values()].map((each) => joinedMember(each, this.#protocolName))
      : [];
    return {
      kind: "join",
      error: null,
      memberId: member.memberId,
      generation: this.#generation,
      protocolType: this.protocolType,
      protocolName: this.#protocolName,
      leader: this.roster.leaderId ?? "",
      members,
      skipAssignment: false,
    };
  }

  /** The group as the log is to keep it, with the assignments of `assigned` or those that are. */
  record(now: Moment, assigned?: ReadonlyMap<string, Uint8Array>): GroupRecord {
    const members = [...this.roster.members.values()].map((member) =>
      storedMember(
        member,
        this.#protocolName,
        assigned === undefined ? member.assignment : assigned.get(member.memberId) ?? NO_BYTES,
      )
    );
    const value: StoredGroup = {
      protocolType: this.protocolType ?? "",
      generation: this.#generation,
      protocol: this.#protocolName,
      leader: this.roster.leaderId,
      stateTimestampMs: now.wallMs,
      members,
    };
    return { type: "group", group: this.#groupId, value };
  }

  tick(now: Moment): void {
    const nowMs = now.monotonicMs;
    if (nowMs < this.#deadlineMs) return;
    const { pending } = this.roster;
    const forgotten = [...pending].filter(([, deadlineMs]) => deadlineMs <= nowMs);
    for (const [memberId] of forgotten) pending.delete(memberId);
    if (forgotten.length > 0) this.maybeComplete(now);
    this.#expireMembers(now);
    if (this.#joinDeadlineMs <= nowMs) this.#onJoinDeadline(now);
    if (this.#syncDeadlineMs <= nowMs) this.#onSyncDeadline(now);
    this.#deadlineMs = Math.min(this.#joinDeadlineMs, this.#syncDeadlineMs);
    for (const deadlineMs of pending.values()) this.#arm(deadlineMs);
    for (const { sessionDeadlineMs } of this.roster.members.values()) this.#arm(sessionDeadlineMs);
  }

  assertInvariants(): void {
    this.roster.assertInvariants();
    const { size } = this.roster;
    const state = this.#state;
    if (state === "Empty" || state === "Dead") assert(size === 0, () => `A group in ${state} has ${size} members`);
    if (state === "CompletingRebalance" || state === "Stable") {
      assert(size > 0 && this.#protocolName !== null, () => `A group in ${state} has ${size} members`);
    }
    for (const { memberId, parkedSync } of this.roster.members.values()) {
      assert(parkedSync === null || state === "CompletingRebalance", () => `${memberId} waits for a sync in ${state}`);
    }
  }

  // -- Inside -------------------------------------------------------------------------------------------------------

  #completeJoin(now: Moment): void {
    this.#joinDeadlineMs = Infinity;
    this.#initial = null;
    for (const member of [...this.roster.members.values()]) {
      // A static member may be back under the same name: only its session ends it.
      if (member.parkedJoin === null && member.instanceId === null) this.drop(member);
    }
    if (this.roster.size > 0 && !this.roster.electJoinedLeader()) {
      this.#armJoin(now.monotonicMs + this.roster.rebalanceTimeoutMs);
      return;
    }
    this.#generation += 1;
    this.#unsynced.clear();
    this.#protocolName = this.roster.selectProtocol();
    if (this.roster.size === 0) {
      this.enter("Empty", now);
      // Nobody waits for it. If it is not stored, a start finds members that are gone, and their sessions end.
      this.#outbox.append([this.record(now)], (failure) => {
        if (failure === null) this.isStored = true;
      });
      return;
    }
    this.enter("CompletingRebalance", now);
    for (const member of this.roster.members.values()) {
      this.#unsynced.add(member.memberId);
      member.isNew = false;
      const parked = this.roster.unpark(member);
      if (parked === null) continue;
      this.#outbox.reply(parked.ticket, this.joinAnswer(member));
      this.touch(member, now);
    }
    this.#syncDeadlineMs = now.monotonicMs + this.roster.rebalanceTimeoutMs;
    this.#arm(this.#syncDeadlineMs);
  }

  #expireMembers(now: Moment): void {
    for (const member of [...this.roster.members.values()]) {
      if (member.sessionDeadlineMs > now.monotonicMs) continue;
      // An earlier one's end may have begun a rebalance that dropped or answered this one.
      if (this.roster.members.get(member.memberId) !== member) continue;
      const waits = member.parkedJoin !== null || member.parkedSync !== null;
      if (waits && !member.isNew) {
        this.touch(member, now);
        continue;
      }
      this.drop(member);
      this.afterDrop(now);
    }
  }

  #onJoinDeadline(now: Moment): void {
    const initial = this.#initial;
    if (initial !== null && initial.hasNewcomer && initial.remainingMs > 0) {
      const delayMs = Math.min(this.#settings.initialRebalanceDelayMs, initial.remainingMs);
      initial.hasNewcomer = false;
      initial.remainingMs -= delayMs;
      this.#armJoin(now.monotonicMs + delayMs);
      return;
    }
    this.#completeJoin(now);
  }

  /** Who was told of the generation and never asked for its part of it is gone. */
  #onSyncDeadline(now: Moment): void {
    this.#syncDeadlineMs = Infinity;
    const missing = [...this.roster.members.values()].filter(({ memberId }) => this.#unsynced.has(memberId));
    if (missing.length === 0) return;
    for (const member of missing) this.drop(member);
    this.start(now);
  }

  #armJoin(deadlineMs: number): void {
    this.#joinDeadlineMs = deadlineMs;
    this.#arm(deadlineMs);
  }

  #expireAfter(member: GroupMember, delayMs: number, now: Moment): void {
    member.sessionDeadlineMs = now.monotonicMs + delayMs;
    this.#arm(member.sessionDeadlineMs);
  }

  #arm(deadlineMs: number): void {
    this.#deadlineMs = Math.min(this.#deadlineMs, deadlineMs);
  }
}
