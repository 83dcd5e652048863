/**
 * What a protocol may ask about consumer groups. Errors of one group or one partition are values in the answers, from
 * the one error table; only what is our own bug throws.
 */
import type { ErrorCode } from "../../base/errors.ts";
import type { Epoch, Offset } from "../../base/ids.ts";
import type {
  CommittedOffset,
  GroupDescription,
  GroupListing,
  JoinAnswer,
  JoinRequest,
  LeaveOutcome,
  LeavingMember,
  MemberClaim,
  SyncAnswer,
  SyncRequest,
  TopicPartition,
} from "./group_types.ts";

/** A join as a client sends it; ids are chosen by the coordinator. */
export type JoinGroupRequest = Omit<JoinRequest, "newMemberId">;

/** One position that a client wants kept. */
export interface CommitPartition extends TopicPartition {
  readonly offset: Offset;
  /** −1: not known. */
  readonly leaderEpoch: Epoch;
  readonly metadata: string;
}

export interface CommitOptions {
  /** How long these positions are kept, instead of the group's retention (OffsetCommit v2–4); −1: by it. */
  readonly retentionMs?: number;
}

export interface PartitionOutcome extends TopicPartition {
  readonly error: ErrorCode | null;
}

/** A position that was asked for; `committed` is null where there is none. */
export interface FetchedOffset extends TopicPartition {
  readonly committed: CommittedOffset | null;
}

export interface FetchedOffsets {
  readonly error: ErrorCode | null;
  readonly offsets: readonly FetchedOffset[];
}

/** How far a group is behind in one partition. */
export interface GroupLag extends TopicPartition {
  readonly groupId: string;
  readonly offset: Offset;
  readonly end: Offset;
  readonly lag: number;
}

export interface GroupsApi {
  /**
   * Makes the offsets topic if there is none, and says why the group's coordinator cannot be used, or null. A client asks
   * this first; every other call does the same by itself.
   */
  prepare(groupId: string): Promise<ErrorCode | null>;
  /** Resolves when the group's records are read, if they are being read. */
  whenLoaded(groupId: string): Promise<void>;

  /** Waits for the rebalance to end. */
  join(groupId: string, request: JoinGroupRequest): Promise<JoinAnswer>;
  /** Waits for the leader's assignment to be durable. */
  sync(groupId: string, request: SyncRequest): Promise<SyncAnswer>;
  heartbeat(groupId: string, claim: MemberClaim): ErrorCode | null;
  leave(groupId: string, members: readonly LeavingMember[]): LeaveOutcome[];

  /** Durable when it resolves; outcomes in the order given. `unknown_group` where a member names a group that is none. */
  commitOffsets(
    groupId: string,
    claim: MemberClaim,
    partitions: readonly CommitPartition[],
    options?: CommitOptions,
  ): Promise<PartitionOutcome[]>;
  /** `partitions` null: all that have a position, sorted. A group that does not exist has none. */
  fetchOffsets(groupId: string, partitions: readonly TopicPartition[] | null): FetchedOffsets;
  /** The whole call's error, or each partition's. */
  deleteOffsets(groupId: string, partitions: readonly TopicPartition[]): Promise<ErrorCode | PartitionOutcome[]>;

  /** Sorted by id. `coordinator_loading` while any group may be missing. */
  list(): { readonly error: ErrorCode | null; readonly groups: readonly GroupListing[] };
  /** Null: there is no such group. */
  describe(groupId: string): ErrorCode | GroupDescription | null;
  delete(groupId: string): Promise<ErrorCode | null>;

  /** Of every group, or of one, and partition with a position whose topic exists, sorted by group. */
  lags(groupId?: string): IterableIterator<GroupLag>;
}
