/** What a scenario does with consumer groups, each call with its row in the ledger. */
import { writeAssignment, writeSubscription } from "../../src/broker/groups/consumer_protocol.ts";
import type { MemberClaim } from "../../src/broker/groups/group_types.ts";
import { BrokerScript } from "./broker_script.ts";
import type { CommitAsked } from "./ledger.ts";

const NOBODY: MemberClaim = { memberId: "", instanceId: null, generation: -1 };

export class GroupScript extends BrokerScript {
  /** One member alone, with every partition of `topic`: it is told when that is stored. */
  async join(group: string, topic: string, partitions: number, instanceId: string | null = null): Promise<MemberClaim> {
    const joined = await this.broker.groups.join(group, {
      memberId: "",
      instanceId,
      clientId: "crash",
      clientHost: "/127.0.0.1",
      sessionTimeoutMs: 1_800_000,
      rebalanceTimeoutMs: 60_000,
      protocolType: "consumer",
      protocols: [{ name: "range", metadata: writeSubscription([topic]) }],
      requiresKnownMemberId: false,
      supportsSkippingAssignment: true,
    });
    if (joined.error !== null) throw new Error(`A member of ${group} was refused: ${joined.error}`);
    const { memberId, generation } = joined;
    const assigned = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
    const synced = await this.broker.groups.sync(group, {
      memberId,
      instanceId,
      generation,
      protocolType: "consumer",
      protocolName: "range",
      assignments: new Map(joined.skipAssignment ? [] : [[memberId, writeAssignment(assigned)]]),
    });
    if (synced.error !== null) throw new Error(`A member of ${group} got no assignment: ${synced.error}`);
    this.ledger.push({ kind: "generation told", group, generation });
    return { memberId, instanceId, generation };
  }

  leave(group: string, { memberId, instanceId }: MemberClaim): void {
    const [outcome] = this.broker.groups.leave(group, [{ memberId, instanceId }]);
    if (outcome!.error !== null) throw new Error(`A member of ${group} could not leave: ${outcome!.error}`);
  }

  /** Commits positions of one topic, by partition; a reader looks while that is under way. */
  async commit(group: string, topic: string, offsets: readonly number[], claim: MemberClaim = NOBODY): Promise<void> {
    const asked = offsets.map((offset, partition): CommitAsked => ({
      kind: "commit asked",
      group,
      place: `${topic}-${partition}`,
      offset,
    }));
    this.ledger.push(...asked);
    const committing = this.broker.groups.commitOffsets(
      group,
      claim,
      offsets.map((offset, partition) => ({ topic, partition, offset, leaderEpoch: -1, metadata: "" })),
    );
    this.look(group, topic, offsets.length);
    const outcomes = await committing;
    const failed = outcomes.find(({ error }) => error !== null);
    if (failed !== undefined) throw new Error(`A commit of ${group} was refused: ${failed.error}`);
    this.ledger.push(...asked.map((each) => ({ kind: "commit done", asked: each }) as const));
    this.look(group, topic, offsets.length);
  }

  /** What is shown must never be taken back. */
  look(group: string, topic: string, partitions: number): void {
    const wanted = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
    for (const { partition, committed } of this.broker.groups.fetchOffsets(group, wanted).offsets) {
      const place = `${topic}-${partition}`;
      this.ledger.push({ kind: "commit told", group, place, offset: committed?.offset ?? null });
    }
  }

  async deleteGroup(group: string, topic: string, partitions: number): Promise<void> {
    const asked = Array.from({ length: partitions }, (_, partition): CommitAsked => ({
      kind: "commit asked",
      group,
      place: `${topic}-${partition}`,
      offset: null,
    }));
    this.ledger.push(...asked);
    const error = await this.broker.groups.delete(group);
    if (error !== null) throw new Error(`The group ${group} was not deleted: ${error}`);
    this.ledger.push(...asked.map((each) => ({ kind: "commit done", asked: each }) as const));
  }
}
