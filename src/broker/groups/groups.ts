/** Groups as protocols see them (`GroupsApi`): the coordinator, joined with the topics that positions are of. */
import { asSentinelError } from "../../base/errors.ts";
import type { ErrorCode, SentinelError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import { utf8Bytes } from "../../bytes/utf8.ts";
import type { Cancel, Clock } from "../../platform/clock.ts";
import type { Compression } from "../../platform/compression.ts";
import type { Random } from "../../platform/random.ts";
import { OFFSETS_TOPIC, OFFSETS_TOPIC_CONFIG } from "../internal_topics.ts";
import type { Topic, Topics } from "../topics.ts";
import { CONSUMER_PROTOCOL_TYPE } from "./consumer_protocol.ts";
import { GroupCoordinator } from "./group_coordinator.ts";
import type {
  GroupDescription,
  GroupListing,
  GroupSettings,
  JoinAnswer,
  LeaveOutcome,
  LeavingMember,
  MemberClaim,
  OffsetToCommit,
  SyncAnswer,
  SyncRequest,
  TopicPartition,
} from "./group_types.ts";
import type {
  CommitOptions,
  CommitPartition,
  FetchedOffsets,
  GroupLag,
  GroupsApi,
  JoinGroupRequest,
  PartitionOutcome,
} from "./groups_api.ts";
import { joinFailure, syncFailure } from "./group_answers.ts";
import { OffsetsPartition } from "./offsets_partition.ts";

export interface GroupsOptions {
  readonly topics: Topics;
  readonly clock: Clock;
  readonly random: Random;
  readonly compression: Compression;
  readonly settings: GroupSettings;
  /** Partitions of the offsets topic when it is made: Kafka's offsets.topic.num.partitions. Fixed from then on. */
  readonly offsetsTopicPartitions: number;
  /** How often expired positions are looked for. */
  readonly expiryCheckMs: number;
  readonly onError: (error: SentinelError) => void;
}

export class Groups implements GroupsApi {
  readonly #options: GroupsOptions;
  readonly #coordinator: GroupCoordinator;
  #making: Promise<ErrorCode | null> | null = null;
  #cancelExpiry: Cancel | null = null;

  constructor(options: GroupsOptions) {
    this.#options = options;
    const { topics, clock, random, settings, onError } = options;
    this.#coordinator = new GroupCoordinator({
      clock,
      random,
      settings,
      isGone: ({ topic, topicId }) => {
        const entry = topics.get(topic)?.entry;
        return entry === undefined || (topicId !== null && topicId !== entry.topicId);
      },
      onError,
    });
  }

  /** At the start, when the topics are open: groups are read in the background, if there ever were any. */
  open(): void {
    const topic = this.#options.topics.get(OFFSETS_TOPIC);
    if (topic !== undefined) this.#openTopic(topic);
    this.#scheduleExpiry();
  }

  async prepare(groupId: string): Promise<ErrorCode | null> {
    if (!this.#coordinator.isOpen) {
      const fault = await this.#makeTopic();
      if (fault !== null) return fault;
    }
    return this.#coordinator.fault(groupId);
  }

  async whenLoaded(groupId: string): Promise<void> {
    if (await this.prepare(groupId) === "coordinator_loading") await this.#coordinator.loaded;
  }

  async join(groupId: string, request: JoinGroupRequest): Promise<JoinAnswer> {
    const preparing = this.#prepareOnce(groupId);
    const fault = preparing === null ? null : await preparing;
    return fault === null ? await this.#coordinator.join(groupId, request) : joinFailure(fault, request.memberId);
  }

  async sync(groupId: string, request: SyncRequest): Promise<SyncAnswer> {
    const preparing = this.#prepareOnce(groupId);
    const fault = preparing === null ? null : await preparing;
    return fault === null ? await this.#coordinator.sync(groupId, request) : syncFailure(fault);
  }

  heartbeat(groupId: string, claim: MemberClaim): ErrorCode | null {
    return this.#coordinator.heartbeat(groupId, claim);
  }

  leave(groupId: string, members: readonly LeavingMember[]): LeaveOutcome[] {
    return this.#coordinator.leave(groupId, members);
  }

  async commitOffsets(
    groupId: string,
    claim: MemberClaim,
    partitions: readonly CommitPartition[],
    options: CommitOptions = {},
  ): Promise<PartitionOutcome[]> {
    const preparing = this.#prepareOnce(groupId);
    const prepared = preparing === null ? null : await preparing;
    const nowMs = this.#options.clock.nowMs();
    const { retentionMs = -1 } = options;
    const outcomes: { topic: string; partition: number; error: ErrorCode | null }[] = [];
    const valid: OffsetToCommit[] = [];
    for (const { topic, partition, offset, leaderEpoch, metadata } of partitions) {
      const error = prepared ?? this.#commitFault(groupId, { topic, partition, offset, leaderEpoch, metadata });
      outcomes.push({ topic, partition, error });
      if (error !== null) continue;
      valid.push({
        topic,
        partition,
        committed: {
          offset,
          leaderEpoch,
          metadata,
          commitTimestampMs: nowMs,
          expireTimestampMs: retentionMs < 0 ? -1 : nowMs + retentionMs,
          topicId: this.#options.topics.get(topic)?.entry.topicId ?? null,
        },
      });
    }
    if (prepared !== null) return outcomes;
    // Only someone who is no member may bring a group into being: a member's group would be there.
    const done = await this.#coordinator.change(
      groupId,
      claim.generation < 0,
      (group, ticket, now) => group.commit({ ...claim, offsets: valid }, ticket, now),
    );
    return outcomes.map((outcome) => outcome.error === null ? { ...outcome, error: done.error } : outcome);
  }

  fetchOffsets(groupId: string, partitions: readonly TopicPartition[] | null): FetchedOffsets {
    const fault = this.#coordinator.isOpen ? this.#coordinator.fault(groupId) : groupIdFault(groupId);
    if (fault !== null) return { error: fault, offsets: [] };
    const group = this.#coordinator.get(groupId);
    if (partitions !== null) {
      const offsets = partitions.map(({ topic, partition }) => ({
        topic,
        partition,
        committed: group?.offsets.get(topic, partition) ?? null,
      }));
      return { error: null, offsets };
    }
    return { error: null, offsets: group === undefined ? [] : [...group.offsets.committed()].sort(byPartition) };
  }

  async deleteOffsets(
    groupId: string,
    partitions: readonly TopicPartition[],
  ): Promise<ErrorCode | PartitionOutcome[]> {
    const fault = this.#coordinator.isOpen ? this.#coordinator.fault(groupId) : groupIdFault(groupId);
    if (fault !== null) return fault;
    const group = this.#coordinator.get(groupId);
    if (group === undefined || group.state === "Dead") return "unknown_group";
    if (group.state !== "Empty" && group.protocolType !== CONSUMER_PROTOCOL_TYPE) return "group_not_empty";
    const outcomes = partitions.map(({ topic, partition }): PartitionOutcome => {
      if (!this.#hasPartition(topic, partition)) return { topic, partition, error: "unknown_partition" };
      return { topic, partition, error: group.isSubscribedTo(topic) ? "group_subscribed" : null };
    });
    const deletable = outcomes.filter(({ error }) => error === null);
    const done = await this.#coordinator.change(
      groupId,
      false,
      (each, ticket) => each.deleteOffsets(deletable, ticket),
    );
    return outcomes.map((outcome) => outcome.error === null ? { ...outcome, error: done.error } : outcome);
  }

  list(): { readonly error: ErrorCode | null; readonly groups: readonly GroupListing[] } {
    if (this.#coordinator.isLoading) return { error: "coordinator_loading", groups: [] };
    const groups = [...this.#coordinator.groups()].map((group) => group.listing());
    return { error: null, groups: groups.sort((left, right) => compareTexts(left.groupId, right.groupId)) };
  }

  describe(groupId: string): ErrorCode | GroupDescription | null {
    const fault = this.#coordinator.isOpen ? this.#coordinator.fault(groupId) : groupIdFault(groupId);
    if (fault !== null) return fault;
    const group = this.#coordinator.get(groupId);
    return group === undefined || group.state === "Dead" ? null : group.describe();
  }

  async delete(groupId: string): Promise<ErrorCode | null> {
    const fault = this.#coordinator.isOpen ? this.#coordinator.fault(groupId) : groupIdFault(groupId);
    if (fault !== null) return fault;
    return (await this.#coordinator.change(groupId, false, (group, ticket, now) => group.delete(ticket, now))).error;
  }

  *lags(groupId?: string): IterableIterator<GroupLag> {
    const one = groupId === undefined ? undefined : this.#coordinator.get(groupId);
    const groups = groupId === undefined ? [...this.#coordinator.groups()] : one === undefined ? [] : [one];
    for (const group of groups.sort((left, right) => compareTexts(left.groupId, right.groupId))) {
      for (const { topic, partition, committed } of [...group.offsets.committed()].sort(byPartition)) {
        const replica = this.#options.topics.get(topic)?.replicas[partition];
        if (replica === undefined) continue;
        const end = replica.highWatermark;
        const { offset } = committed;
        yield { groupId: group.groupId, topic, partition, offset, end, lag: Math.max(0, end - offset) };
      }
    }
  }

  /** A topic was deleted: what was committed for it must not count for the next one of its name. */
  forgetTopic(topic: string): void {
    this.#coordinator.forget((position) => position.topic === topic);
  }

  /** Ends every wait, at the beginning of a stop. */
  stop(): void {
    this.#cancelExpiry?.();
    this.#coordinator.stop();
  }

  // -- Inside -------------------------------------------------------------------------------------------------------

  /** Null once there is a topic: then requests reach their groups in the order in which they came. */
  #prepareOnce(groupId: string): Promise<ErrorCode | null> | null {
    return this.#coordinator.isOpen ? null : this.prepare(groupId);
  }

  #makeTopic(): Promise<ErrorCode | null> {
    this.#making ??= this.#makeOffsetsTopic();
    return this.#making;
  }

  async #makeOffsetsTopic(): Promise<ErrorCode | null> {
    const { topics, offsetsTopicPartitions: partitions, onError } = this.#options;
    try {
      const topic = await topics.getOrCreate(OFFSETS_TOPIC, { partitions, config: OFFSETS_TOPIC_CONFIG });
      if (!this.#coordinator.isOpen) this.#openTopic(topic);
      await this.#coordinator.loaded;
      return null;
    } catch (thrown) {
      onError(asSentinelError(thrown));
      this.#making = null;
      return "coordinator_unavailable";
    }
  }

  #openTopic(topic: Topic): void {
    const { clock, compression } = this.#options;
    this.#coordinator.open(topic.replicas.map((replica) => new OffsetsPartition({ replica, clock, compression })));
  }

  #scheduleExpiry(): void {
    this.#cancelExpiry = this.#options.clock.after(this.#options.expiryCheckMs, () => {
      this.#coordinator.expire();
      this.#scheduleExpiry();
    });
  }

  #commitFault(groupId: string, { topic, partition, offset, metadata }: CommitPartition): ErrorCode | null {
    if (!this.#hasPartition(topic, partition)) return "unknown_partition";
    const isFull = this.#coordinator.totals.positions >= LIMITS.committedOffsetsMax;
    if (isFull && this.#coordinator.get(groupId)?.offsets.get(topic, partition) == null) {
      return "coordinator_unavailable";
    }
    if (utf8Bytes(metadata) > LIMITS.offsetMetadataBytesMax) return "offset_metadata_too_large";
    return Number.isSafeInteger(offset) && offset >= 0 ? null : "invalid_parameter";
  }

  #hasPartition(topic: string, partition: number): boolean {
    return this.#options.topics.get(topic)?.replicas[partition] !== undefined;
  }
}

function groupIdFault(groupId: string): ErrorCode | null {
  return groupId === "" ? "invalid_group_id" : null;
}

function byPartition(left: TopicPartition, right: TopicPartition): number {
  return compareTexts(left.topic, right.topic) || left.partition - right.partition;
}

function compareTexts(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
