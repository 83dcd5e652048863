/**
 * Who is in a group: members, ids that were given out and not used yet, static instances, the leader. It knows what
 * holds among them and nothing of states and time (ClassicGroup.java, the half that holds data).
 *
 * Invariants (`assertInvariants`):
 * - a leader is a member; a group with members has one once a generation began
 * - each static instance belongs to one member, and each static member is the one of its instance
 * - no id is both pending and a member
 */
import { assert } from "../../base/assert.ts";
import type { ErrorCode } from "../../base/errors.ts";
import type { GroupMember, ParkedJoin } from "./group_member.ts";
import type { MemberProtocol } from "./group_types.ts";

export class GroupRoster {
  readonly members = new Map<string, GroupMember>();
  /** Ids that were given out, with the time at which each is forgotten. */
  readonly pending = new Map<string, number>();
  /** Static instances: instance id to member id. */
  readonly #instances = new Map<string, string>();
  /** Protocol name to the number of members that know it: asked at every join, so it is kept and not counted. */
  readonly #supporters = new Map<string, number>();
  #awaitingJoin = 0;
  leaderId: string | null = null;

  get size(): number {
    return this.members.size;
  }

  memberOfInstance(instanceId: string): GroupMember | undefined {
    const memberId = this.#instances.get(instanceId);
    return memberId === undefined ? undefined : this.members.get(memberId);
  }

  /** Why this is not who it says, or null (ClassicGroup.validateMember). */
  claimFault(memberId: string, instanceId: string | null): ErrorCode | null {
    if (instanceId !== null) {
      const known = this.#instances.get(instanceId);
      if (known === undefined) return "unknown_member";
      if (known !== memberId) return "member_fenced";
    }
    return this.members.has(memberId) ? null : "unknown_member";
  }

  add(member: GroupMember): void {
    assert(!this.members.has(member.memberId), () => `Member ${member.memberId} is added twice`);
    this.pending.delete(member.memberId);
    this.members.set(member.memberId, member);
    this.#countProtocols(member, 1);
    if (member.parkedJoin !== null) this.#awaitingJoin += 1;
    if (member.instanceId !== null) this.#instances.set(member.instanceId, member.memberId);
    this.leaderId ??= member.memberId;
  }

  remove(member: GroupMember): void {
    assert(this.members.delete(member.memberId), () => `${member.memberId} is removed and is no member`);
    this.#countProtocols(member, -1);
    if (member.parkedJoin !== null) this.#awaitingJoin -= 1;
    if (member.instanceId !== null) this.#instances.delete(member.instanceId);
    if (this.leaderId === member.memberId) this.leaderId = this.members.keys().next().value ?? null;
  }

  /** A static member under a new id, which is whose place it takes, the leader's too (KIP-345). */
  replace(old: GroupMember, memberId: string): GroupMember {
    assert(old.instanceId !== null, () => `Member ${old.memberId} is replaced and is not static`);
    const wasLeader = this.leaderId === old.memberId;
    const member: GroupMember = { ...old, memberId };
    this.remove(old);
    this.add(member);
    if (wasLeader) this.leaderId = memberId;
    return member;
  }

  setProtocols(member: GroupMember, protocols: readonly MemberProtocol[]): void {
    this.#countProtocols(member, -1);
    member.protocols = protocols;
    this.#countProtocols(member, 1);
  }

  /** Keeps a join until the rebalance ends; returns the one that it takes the place of. */
  park(member: GroupMember, join: ParkedJoin): ParkedJoin | null {
    const previous = member.parkedJoin;
    if (previous === null) this.#awaitingJoin += 1;
    member.parkedJoin = join;
    return previous;
  }

  unpark(member: GroupMember): ParkedJoin | null {
    const parked = member.parkedJoin;
    if (parked !== null) this.#awaitingJoin -= 1;
    member.parkedJoin = null;
    return parked;
  }

  get awaitingJoin(): number {
    return this.#awaitingJoin;
  }

  /** Whether all have rejoined, and nobody who was told an id is still to come. */
  get haveAllJoined(): boolean {
    return this.pending.size === 0 && this.#awaitingJoin === this.members.size;
  }

  /** The longest that any member asked a rebalance to wait. */
  get rebalanceTimeoutMs(): number {
    // A client may ask for nothing or less; then it is one round of its timers.
    let longest = 1;
    for (const member of this.members.values()) longest = Math.max(longest, member.rebalanceTimeoutMs);
    return longest;
  }

  /** Whether there is a leader that has rejoined: the old one, or the first who did. */
  electJoinedLeader(): boolean {
    if (this.leaderId !== null && this.members.get(this.leaderId)?.parkedJoin != null) return true;
    for (const member of this.members.values()) {
      if (member.parkedJoin === null) continue;
      this.leaderId = member.memberId;
      return true;
    }
    return false;
  }

  /** Whether some protocol of a newcomer is known to all members. */
  supports(protocols: readonly MemberProtocol[]): boolean {
    return protocols.some(({ name }) => this.#isCommon(name));
  }

  /**
   * The protocol of the next generation: each member votes for the first that it knows of those that all know; most
   * votes win, the earlier name among equals. Null without members.
   */
  selectProtocol(): string | null {
    if (this.members.size === 0) return null;
    const votes = new Map<string, number>();
    for (const member of this.members.values()) {
      const vote = member.protocols.find(({ name }) => this.#isCommon(name));
      assert(vote !== undefined, () => `Member ${member.memberId} knows no protocol that all know`);
      votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1);
    }
    const [winner] = [...votes].sort(([leftName, left], [rightName, right]) =>
      right - left || (leftName < rightName ? -1 : leftName > rightName ? 1 : 0)
    );
    return winner![0];
  }

  assertInvariants(): void {
    const parked = [...this.members.values()].filter(({ parkedJoin }) => parkedJoin !== null).length;
    assert(parked === this.#awaitingJoin, () => `${parked} joins are parked, ${this.#awaitingJoin} were counted`);
    assert(this.leaderId === null || this.members.has(this.leaderId), () => `The leader ${this.leaderId} is no member`);
    for (const [instanceId, memberId] of this.#instances) {
      const instance = this.members.get(memberId)?.instanceId;
      assert(instance === instanceId, () => `Instance ${instanceId} belongs to ${memberId}, which is ${instance}`);
    }
    for (const member of this.members.values()) {
      assert(!this.pending.has(member.memberId), () => `${member.memberId} is a member and pending`);
      if (member.instanceId === null) continue;
      const owner = this.#instances.get(member.instanceId);
      assert(owner === member.memberId, () => `${member.memberId} is instance ${member.instanceId}, which is ${owner}`);
    }
  }

  #isCommon(protocol: string): boolean {
    return (this.#supporters.get(protocol) ?? 0) === this.members.size;
  }

  #countProtocols(member: GroupMember, step: 1 | -1): void {
    // A member may name a protocol twice; it is one supporter all the same.
    for (const name of new Set(member.protocols.map((protocol) => protocol.name))) {
      const count = (this.#supporters.get(name) ?? 0) + step;
      if (count === 0) this.#supporters.delete(name);
      else this.#supporters.set(name, count);
    }
  }
}
