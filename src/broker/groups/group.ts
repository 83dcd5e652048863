/**
 * A classic consumer group as a pure machine: requests, time and the outcome of appends come in, answers and records to
 * append go out (`take`). Semantics are Kafka's (GroupMetadataManager.java, classicGroup…); what is durable is decided
 * here: an assignment or a position is told to nobody before its record has come back from the log.
 */
import type { ErrorCode } from "../../base/errors.ts";
import { CONSUMER_PROTOCOL_TYPE, readAssignment, readSubscription } from "./consumer_protocol.ts";
import { done } from "./group_answers.ts";
import { metadataOf, NO_BYTES, storedMember } from "./group_member.ts";
import { GroupOffsets } from "./group_offsets.ts";
import type { OffsetTotals } from "./group_offsets.ts";
import { GroupOutbox } from "./group_outbox.ts";
import { GroupMembership } from "./membership.ts";
import { GroupRebalance } from "./rebalance.ts";
import type {
  CommitRequest,
  GroupDescription,
  GroupEffect,
  GroupListing,
  GroupRecord,
  GroupSettings,
  GroupState,
  JoinRequest,
  LeaveOutcome,
  LeavingMember,
  MemberClaim,
  MemberDescription,
  Moment,
  OffsetToCommit,
  SyncRequest,
  Ticket,
  TopicPartition,
  WriteId,
} from "./group_types.ts";

/** Which topic a position is of; its id is null where it was not stored. */
export interface Position {
  readonly topic: string;
  readonly topicId: string | null;
}

export class Group {
  readonly groupId: string;
  readonly offsets: GroupOffsets;
  readonly #settings: GroupSettings;
  readonly #outbox = new GroupOutbox();
  readonly #rebalance: GroupRebalance;
  readonly #membership: GroupMembership;
  #isDeleted = false;

  constructor(groupId: string, settings: GroupSettings, totals: OffsetTotals = { positions: 0 }) {
    this.groupId = groupId;
    this.offsets = new GroupOffsets(totals);
    this.#settings = settings;
    this.#rebalance = new GroupRebalance(groupId, settings, this.#outbox);
    this.#membership = new GroupMembership(settings, this.#outbox, this.#rebalance);
  }

  get state(): GroupState {
    return this.#rebalance.state;
  }

  get generation(): number {
    return this.#rebalance.generation;
  }

  get protocolType(): string {
    return this.#rebalance.protocolType ?? "";
  }

  /** When `tick` is to be called, by the monotonic clock; Infinity: never. */
  get deadlineMs(): number {
    return this.#rebalance.deadlineMs;
  }

  /** Deleted, or never more than an idea: nothing is lost when it is forgotten. */
  get isVacant(): boolean {
    if (this.#outbox.writesInFlight > 0) return false;
    if (this.#isDeleted) return true;
    const { roster, state, generation, isStored } = this.#rebalance;
    return state === "Empty" && generation === 0 && !isStored && roster.pending.size === 0 && this.offsets.isEmpty;
  }

  /** What is to be done, once. */
  take(): readonly GroupEffect[] {
    return this.#outbox.take();
  }

  appended(write: WriteId, failure: ErrorCode | null, now: Moment): void {
    this.#outbox.appended(write, failure, now);
  }

  tick(now: Moment): void {
    this.#rebalance.tick(now);
  }

  /** What the log says, record after record, before anything is asked. */
  restore(record: GroupRecord, now: Moment): void {
    if (record.type === "offset") this.offsets.apply(record.topic, record.partition, record.value);
    else this.#rebalance.restore(record.value, now);
  }

  // -- Members ------------------------------------------------------------------------------------------------------

  join(request: JoinRequest, ticket: Ticket, now: Moment): void {
    this.#membership.join(request, ticket, now);
  }

  sync(request: SyncRequest, ticket: Ticket, now: Moment): void {
    this.#membership.sync(request, ticket, now);
  }

  /** The error that a heartbeat is answered with, or null. */
  heartbeat(claim: MemberClaim, now: Moment): ErrorCode | null {
    return this.#membership.heartbeat(claim, now);
  }

  /** Each member's outcome, in the order given. A static one may leave by its instance id alone (KIP-345). */
  leave(members: readonly LeavingMember[], now: Moment): LeaveOutcome[] {
    return this.#membership.leave(members, now);
  }

  // -- Positions ----------------------------------------------------------------------------------------------------

  /** Why this commit is not taken, or null (ClassicGroup.validateOffsetCommit). */
  commitFault(claim: MemberClaim): ErrorCode | null {
    const { memberId, instanceId, generation } = claim;
    if (this.state === "Dead") return "coordinator_unavailable";
    if (generation < 0 && this.state === "Empty") return null;
    if (generation < 0 && memberId === "" && instanceId === null) return "unknown_member";
    const fault = this.#rebalance.roster.claimFault(memberId, instanceId);
    if (fault !== null) return fault;
    if (generation !== this.generation) return "illegal_generation";
    return this.state === "CompletingRebalance" ? "rebalance_in_progress" : null;
  }

  commit(request: CommitRequest, ticket: Ticket, now: Moment): void {
    const fault = this.commitFault(request);
    if (fault !== null) return this.#outbox.reply(ticket, done(fault));
    const member = this.#rebalance.roster.members.get(request.memberId);
    if (member !== undefined) this.#rebalance.touch(member, now);
    const { offsets } = request;
    if (offsets.length === 0) return this.#outbox.reply(ticket, done(null));
    this.offsets.begin(offsets);
    this.#outbox.append(offsets.map((offset) => this.#offsetRecord(offset)), (failure) => {
      this.offsets.settle(offsets, failure === null);
      this.#outbox.reply(ticket, done(failure));
    });
  }

  /** Whether a member reads this topic: its positions are not to be deleted then. Not known counts as yes. */
  isSubscribedTo(topic: string): boolean {
    const topics = this.#subscribedTopics();
    return topics === null ? this.#rebalance.roster.size > 0 : topics.has(topic);
  }

  /** Deletes positions; which may go is decided before (`isSubscribedTo`). */
  deleteOffsets(partitions: readonly TopicPartition[], ticket: Ticket): void {
    this.#appendTombstones(partitions, (failure) => this.#outbox.reply(ticket, done(failure)));
  }

  /**
   * Forgets positions that nobody can use any more: their topic was deleted. At once, since the next topic of that name
   * must not be read from there; those that are under way when their records have come.
   */
  forget(isGone: (position: Position) => boolean): void {
    const partitions = this.offsets.partitions().filter(({ topic, partition }) =>
      isGone({ topic, topicId: this.offsets.get(topic, partition)?.topicId ?? null })
    );
    if (partitions.length === 0) return;
    for (const { topic, partition } of partitions) this.offsets.apply(topic, partition, null);
    this.#appendTombstones(partitions, () => {});
  }

  /** Deletes the group with all its positions, if it has no members. */
  delete(ticket: Ticket, now: Moment): void {
    if (this.state === "Dead") return this.#outbox.reply(ticket, done("unknown_group"));
    if (this.state !== "Empty") return this.#outbox.reply(ticket, done("group_not_empty"));
    this.#end(now, (failure) => this.#outbox.reply(ticket, done(failure)));
  }

  /** Deletes what its time has made worthless: positions, and the group when nothing of it is left (KIP-211). */
  expire(now: Moment): void {
    if (this.state === "Dead") return;
    const expired = this.offsets.expired(now.wallMs, this.#settings.offsetsRetentionMs, ({ topic, committed }) => {
      if (this.#rebalance.protocolType === null) return committed.commitTimestampMs;
      if (this.state === "Empty") return Math.max(this.#rebalance.stateTimestampMs, committed.commitTimestampMs);
      return this.state === "Stable" && !this.isSubscribedTo(topic) ? committed.commitTimestampMs : null;
    });
    const isEnd = this.state === "Empty" && this.#rebalance.roster.pending.size === 0 &&
      this.#outbox.writesInFlight === 0 && expired.length === this.offsets.count;
    if (isEnd) this.#end(now, () => {});
    else if (expired.length > 0) this.#appendTombstones(expired, () => {});
  }

  // -- For people ---------------------------------------------------------------------------------------------------

  listing(): GroupListing {
    return { groupId: this.groupId, protocolType: this.protocolType, state: this.state };
  }

  describe(): GroupDescription {
    const { roster, protocolName } = this.#rebalance;
    const isStable = this.state === "Stable";
    const members = [...roster.members.values()].map((member): MemberDescription => {
      const stored = storedMember(member, protocolName, isStable ? member.assignment : NO_BYTES);
      const partitions = this.protocolType === CONSUMER_PROTOCOL_TYPE ? readAssignment(stored.assignment) ?? [] : [];
      return { ...stored, subscription: isStable ? stored.subscription : NO_BYTES, partitions };
    });
    return {
      groupId: this.groupId,
      state: this.state,
      generation: this.generation,
      protocolType: this.protocolType,
      protocol: isStable ? protocolName ?? "" : "",
      leader: roster.leaderId,
      members,
    };
  }

  assertInvariants(): void {
    this.#rebalance.assertInvariants();
  }

  /** Answers all that waits, at the end of this coordinator's time. */
  endWaits(error: ErrorCode): void {
    for (const member of this.#rebalance.roster.members.values()) this.#rebalance.endWaits(member, error);
  }

  // -- Records ------------------------------------------------------------------------------------------------------

  #subscribedTopics(): ReadonlySet<string> | null {
    const { roster, protocolName, protocolType } = this.#rebalance;
    if (protocolType !== CONSUMER_PROTOCOL_TYPE) return null;
    const topics = new Set<string>();
    for (const member of roster.members.values()) {
      const subscribed = readSubscription(metadataOf(member, protocolName ?? member.protocols[0]?.name ?? null));
      if (subscribed === null) return null;
      for (const topic of subscribed) topics.add(topic);
    }
    return topics;
  }

  #offsetRecord({ topic, partition, committed }: OffsetToCommit): GroupRecord {
    return { type: "offset", group: this.groupId, topic, partition, value: committed };
  }

  #appendTombstones(partitions: readonly TopicPartition[], then: (failure: ErrorCode | null) => void): void {
    if (partitions.length === 0) return then(null);
    const records = partitions.map((each): GroupRecord => ({
      type: "offset",
      group: this.groupId,
      ...each,
      value: null,
    }));
    this.#outbox.append(records, (failure) => {
      if (failure === null) {
        for (const { topic, partition } of partitions) this.offsets.apply(topic, partition, null);
      }
      then(failure);
    });
  }

  /** Deletes the group. Until its tombstones are stored nobody can join it; if they are not, it is as before. */
  #end(now: Moment, then: (failure: ErrorCode | null) => void): void {
    const partitions = this.offsets.partitions();
    const records = partitions.map((each): GroupRecord => ({
      type: "offset",
      group: this.groupId,
      ...each,
      value: null,
    }));
    this.#rebalance.roster.pending.clear();
    this.#rebalance.enter("Dead", now);
    this.#outbox.append([...records, { type: "group", group: this.groupId, value: null }], (failure, later) => {
      if (failure === null) {
        for (const { topic, partition } of partitions) this.offsets.apply(topic, partition, null);
        this.#isDeleted = true;
      } else this.#rebalance.enter("Empty", later);
      then(failure);
    });
  }
}
