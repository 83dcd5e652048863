/** What a classic consumer group is asked, what it answers and what it wants done: the words of its pure machine. */
import type { ErrorCode } from "../../base/errors.ts";
import type { Epoch, Offset, PartitionId, TimestampMs } from "../../base/ids.ts";

/** Kafka's states (ClassicGroupState.java), with its words: clients and tools print them. */
export type GroupState = "Empty" | "PreparingRebalance" | "CompletingRebalance" | "Stable" | "Dead";

/** Now, by both clocks: durations go by the monotonic one, what is stored by the wall clock. */
export interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: TimestampMs;
}

/** Names one request that waits for its answer; the caller chooses it. */
export type Ticket = number;
/** Names one append that the machine asked for. */
export type WriteId = number;

export interface GroupSettings {
  /** How long the first join of an empty group waits for others: Kafka's group.initial.rebalance.delay.ms. */
  readonly initialRebalanceDelayMs: number;
  /** Bounds of what a member may ask for as its session time-out (error 26). */
  readonly sessionTimeoutMsMin: number;
  readonly sessionTimeoutMsMax: number;
  /** Members of one group: Kafka's group.max.size. */
  readonly membersMax: number;
  /** How long offsets of a group without members are kept: Kafka's offsets.retention.minutes. */
  readonly offsetsRetentionMs: number;
}

/** One way of assigning that a member knows, with what it says to the leader for it; opaque here. */
export interface MemberProtocol {
  readonly name: string;
  readonly metadata: Uint8Array;
}

export interface JoinRequest {
  /** "" for a member that has no id yet. */
  readonly memberId: string;
  /** The id that a new member gets: chosen by the caller, since a pure machine knows no chance. */
  readonly newMemberId: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly protocolType: string;
  /** In the order of the member's preference. */
  readonly protocols: readonly MemberProtocol[];
  /** A new dynamic member is told its id first and joins with it (KIP-394, JoinGroup from v4 on). */
  readonly requiresKnownMemberId: boolean;
  /** The client understands `skipAssignment` (KIP-814, JoinGroup from v9 on). */
  readonly supportsSkippingAssignment: boolean;
}

export interface JoinedMember {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly metadata: Uint8Array;
}

export interface JoinAnswer {
  readonly kind: "join";
  readonly error: ErrorCode | null;
  readonly memberId: string;
  /** −1 with an error. */
  readonly generation: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly leader: string;
  /** All members, for the leader; empty for the others. */
  readonly members: readonly JoinedMember[];
  readonly skipAssignment: boolean;
}

/** Who says that it is a member, and in which generation. */
export interface MemberClaim {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly generation: number;
}

export interface SyncRequest extends MemberClaim {
  /** Null where the client does not say (below v5). */
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  /** From the leader; empty from the others. */
  readonly assignments: ReadonlyMap<string, Uint8Array>;
}

export interface SyncAnswer {
  readonly kind: "sync";
  readonly error: ErrorCode | null;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly assignment: Uint8Array;
}

export interface LeavingMember {
  readonly memberId: string;
  readonly instanceId: string | null;
}

export interface LeaveOutcome extends LeavingMember {
  readonly error: ErrorCode | null;
}

/** A position that a group has committed for one partition, as it is stored. */
export interface CommittedOffset {
  readonly offset: Offset;
  /** Epoch of the last consumed record; −1 unknown. */
  readonly leaderEpoch: Epoch;
  readonly metadata: string;
  readonly commitTimestampMs: TimestampMs;
  /** −1: by the group's retention. Only OffsetCommit v2–4 can ask for another. */
  readonly expireTimestampMs: TimestampMs;
  /** The incarnation of the topic that was meant, or null when it is not known. */
  readonly topicId: string | null;
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: PartitionId;
}

export interface OffsetToCommit extends TopicPartition {
  readonly committed: CommittedOffset;
}

/** An administrator's commit names no member and generation −1. */
export interface CommitRequest extends MemberClaim {
  readonly offsets: readonly OffsetToCommit[];
}

/** `commit`, `delete offsets`, `delete group`: done when it is durable, or why not. */
export interface DoneAnswer {
  readonly kind: "done";
  readonly error: ErrorCode | null;
}

export type GroupAnswer = JoinAnswer | SyncAnswer | DoneAnswer;

/** What the log keeps of a group with members, or after its last one left. */
export interface StoredGroup {
  readonly protocolType: string;
  readonly generation: number;
  readonly protocol: string | null;
  readonly leader: string | null;
  readonly stateTimestampMs: TimestampMs;
  readonly members: readonly StoredMember[];
}

export interface StoredMember {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly rebalanceTimeoutMs: number;
  readonly sessionTimeoutMs: number;
  readonly subscription: Uint8Array;
  readonly assignment: Uint8Array;
}

/** One record of `__consumer_offsets`; null is a tombstone. */
export type GroupRecord =
  | { readonly type: "group"; readonly group: string; readonly value: StoredGroup | null }
  | {
    readonly type: "offset";
    readonly group: string;
    readonly topic: string;
    readonly partition: PartitionId;
    readonly value: CommittedOffset | null;
  };

/** What the machine wants done, in this order. */
export type GroupEffect =
  | { readonly kind: "reply"; readonly ticket: Ticket; readonly answer: GroupAnswer }
  /** Append as one batch; then `appended(write, …)`, in the order of the appends. */
  | { readonly kind: "append"; readonly write: WriteId; readonly records: readonly GroupRecord[] };

export interface GroupListing {
  readonly groupId: string;
  readonly protocolType: string;
  readonly state: GroupState;
}

export interface MemberDescription extends StoredMember {
  /** Partitions of the assignment where it is the consumer protocol's; else empty. */
  readonly partitions: readonly TopicPartition[];
}

export interface GroupDescription {
  readonly groupId: string;
  readonly state: GroupState;
  readonly generation: number;
  readonly protocolType: string;
  /** "" unless a protocol is chosen. */
  readonly protocol: string;
  readonly leader: string | null;
  readonly members: readonly MemberDescription[];
}
