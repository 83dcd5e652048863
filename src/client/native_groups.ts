/** Groups over native frames, for applications and the command line. */
import type { z } from "zod";
import type { Offset, PartitionId } from "../base/ids.ts";
import type { MessageName } from "../protocols/native/wire/message_types.ts";
import type { Payload } from "../protocols/native/wire/payload.ts";
import {
  type CommitOffsetsReply,
  commitOffsetsReply,
  type CommittedOffsetsReply,
  committedOffsetsReply,
  type DescribeGroupReply,
  describeGroupReply,
  type JoinGroupReply,
  joinGroupReply,
  type ListGroupsReply,
  listGroupsReply,
  syncGroupReply,
} from "../protocols/native/wire/group_messages.ts";
import { emptyReply } from "../protocols/native/wire/replies.ts";

/** Sends one request; `waitMs`: how long the broker may hold the answer back, on top of the usual time. */
export type Ask = <Schema extends z.ZodType>(
  name: MessageName,
  request: Payload,
  schema: Schema,
  waitMs?: number,
) => Promise<z.output<Schema>>;

export interface PartitionName {
  readonly topic: string;
  readonly partition: PartitionId;
}

export interface JoinParameters {
  readonly group: string;
  /** The id of an earlier join; none for a newcomer. */
  readonly memberId?: string;
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  /** How long a rebalance waits for this member. */
  readonly rebalanceTimeoutMs: number;
}

/** Who is a member, in which generation. */
export interface Membership {
  readonly group: string;
  readonly memberId: string;
  readonly generation: number;
}

export interface CommittedPosition extends PartitionName {
  readonly offset: Offset;
  readonly metadata?: string;
}

export class NativeGroups {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Answered when the rebalance has ended, which may take as long as its slowest member was promised. */
  join(parameters: JoinParameters): Promise<JoinGroupReply> {
    const { topics, ...rest } = parameters;
    return this.#ask("joinGroup", { ...rest, topics: [...topics] }, joinGroupReply, JOIN_WAIT_MS_MAX);
  }

  /** The partitions of this member; the leader says who gets which. */
  async sync(
    { group, memberId, generation }: Membership,
    assignments: ReadonlyMap<string, readonly PartitionName[]> = new Map(),
  ): Promise<readonly PartitionName[]> {
    const list = [...assignments].map(([member, partitions]) => ({
      memberId: member,
      partitions: partitions.map(({ topic, partition }) => ({ topic, partition })),
    }));
    const request = { group, memberId, generation, assignments: list };
    return (await this.#ask("syncGroup", request, syncGroupReply, JOIN_WAIT_MS_MAX)).partitions;
  }

  /** Fails with `rebalance_in_progress` when the member is to join again. */
  async heartbeat({ group, memberId, generation }: Membership): Promise<void> {
    await this.#ask("groupHeartbeat", { group, memberId, generation }, emptyReply);
  }

  async leave(group: string, memberId: string): Promise<void> {
    await this.#ask("leaveGroup", { group, memberId }, emptyReply);
  }

  /** As a member, or with none as an administrator. Durable when it resolves; each partition has its own outcome. */
  commit(
    group: string,
    offsets: readonly CommittedPosition[],
    member?: Pick<Membership, "memberId" | "generation">,
  ): Promise<CommitOffsetsReply> {
    const list = offsets.map(({ topic, partition, offset, metadata }) => ({
      topic,
      partition,
      offset,
      ...(metadata === undefined ? {} : { metadata }),
    }));
    const claim = member === undefined ? {} : { memberId: member.memberId, generation: member.generation };
    return this.#ask("commitOffsets", { group, ...claim, offsets: list }, commitOffsetsReply);
  }

  /** Positions that there are. */
  async committed(group: string): Promise<CommittedOffsetsReply["offsets"]> {
    return (await this.#ask("committedOffsets", { group }, committedOffsetsReply)).offsets;
  }

  async list(): Promise<ListGroupsReply["groups"]> {
    return (await this.#ask("listGroups", {}, listGroupsReply)).groups;
  }

  describe(group: string): Promise<DescribeGroupReply> {
    return this.#ask("describeGroup", { group }, describeGroupReply);
  }

  async delete(group: string): Promise<void> {
    await this.#ask("deleteGroup", { group }, emptyReply);
  }
}

/** A rebalance may wait for the slowest member that there is: Kafka's default of max.poll.interval.ms. */
const JOIN_WAIT_MS_MAX = 300_000;
