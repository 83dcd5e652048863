/**
 * Joining, syncing, saying that one lives, leaving: what members of a classic group ask, decided by the group's state
 * (GroupMetadataManager.java, classicGroupJoin, …Sync, …Heartbeat, …Leave).
 */
import type { ErrorCode } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import { utf8Bytes } from "../../bytes/utf8.ts";
import { joinFailure, syncFailure } from "./group_answers.ts";
import { hasSameProtocols, NO_BYTES } from "./group_member.ts";
import type { GroupMember } from "./group_member.ts";
import type { GroupOutbox } from "./group_outbox.ts";
import type { GroupRebalance } from "./rebalance.ts";
import type {
  GroupSettings,
  GroupState,
  JoinRequest,
  LeaveOutcome,
  LeavingMember,
  MemberClaim,
  Moment,
  SyncRequest,
  Ticket,
} from "./group_types.ts";

export class GroupMembership {
  readonly #settings: GroupSettings;
  readonly #outbox: GroupOutbox;
  readonly #rebalance: GroupRebalance;
  /** The generation whose assignment is being stored. */
  #assigning = -1;

  constructor(settings: GroupSettings, outbox: GroupOutbox, rebalance: GroupRebalance) {
    this.#settings = settings;
    this.#outbox = outbox;
    this.#rebalance = rebalance;
  }

  join(request: JoinRequest, ticket: Ticket, now: Moment): void {
    const fault = this.#joinFault(request);
    if (fault !== null) return this.#outbox.reply(ticket, joinFailure(fault, request.memberId));
    if (request.memberId === "") this.#joinNew(request, ticket, now);
    else if (this.#rebalance.roster.pending.has(request.memberId)) this.#add(request, request.memberId, ticket, now);
    else this.#rejoin(request, ticket, now);
  }

  sync(request: SyncRequest, ticket: Ticket, now: Moment): void {
    const fault = this.#syncFault(request);
    if (fault !== null) return this.#outbox.reply(ticket, syncFailure(fault));
    const member = this.#rebalance.roster.members.get(request.memberId)!;
    if (this.#state === "Stable") {
      this.#rebalance.synced(member);
      this.#rebalance.touch(member, now);
      return this.#replySync(member, ticket);
    }
    if (member.parkedSync !== null) this.#outbox.reply(member.parkedSync, syncFailure("rebalance_in_progress"));
    member.parkedSync = ticket;
    this.#rebalance.synced(member);
    if (this.#rebalance.roster.leaderId === member.memberId && this.#assigning !== this.#rebalance.generation) {
      this.#assign(request.assignments, now);
    }
  }

  /** The error that a heartbeat is answered with, or null. */
  heartbeat(claim: MemberClaim, now: Moment): ErrorCode | null {
    const fault = this.#claimFault(claim);
    if (fault !== null) return fault;
    this.#rebalance.touch(this.#rebalance.roster.members.get(claim.memberId)!, now);
    return this.#state === "PreparingRebalance" ? "rebalance_in_progress" : null;
  }

  /** Each member's outcome, in the order given. A static one may leave by its instance id alone (KIP-345). */
  leave(members: readonly LeavingMember[], now: Moment): LeaveOutcome[] {
    const outcomes = members.map((leaving) => ({ ...leaving, error: this.#leaveOne(leaving) }));
    if (outcomes.some(({ error }) => error === null)) this.#rebalance.afterDrop(now);
    return outcomes;
  }

  // -- Joining ------------------------------------------------------------------------------------------------------

  #joinFault(request: JoinRequest): ErrorCode | null {
    const { sessionTimeoutMs, memberId, protocolType, protocols } = request;
    const { sessionTimeoutMsMin, sessionTimeoutMsMax } = this.#settings;
    if (sessionTimeoutMs < sessionTimeoutMsMin || sessionTimeoutMs > sessionTimeoutMsMax) {
      return "invalid_session_timeout";
    }
    if (this.#state === "Dead") return "coordinator_unavailable";
    if (!this.#hasRoomFor(memberId)) {
      this.#rebalance.roster.pending.delete(memberId);
      return "group_full";
    }
    if (protocolType === "" || protocols.length === 0) return "inconsistent_group_protocol";
    if (this.#state !== "Empty") {
      const { roster } = this.#rebalance;
      if (protocolType !== this.#rebalance.protocolType || !roster.supports(protocols)) {
        return "inconsistent_group_protocol";
      }
    }
    return isWithinBounds(request) ? null : "invalid_request";
  }

  #hasRoomFor(memberId: string): boolean {
    const { roster } = this.#rebalance;
    if (memberId === "" && roster.pending.size >= LIMITS.groupPendingMembersMax) return false;
    const { membersMax } = this.#settings;
    const member = roster.members.get(memberId);
    if (this.#state === "PreparingRebalance") {
      return (member !== undefined && member.parkedJoin !== null) || roster.awaitingJoin < membersMax;
    }
    return member !== undefined || roster.size < membersMax;
  }

  #joinNew(request: JoinRequest, ticket: Ticket, now: Moment): void {
    const { instanceId, newMemberId } = request;
    if (instanceId !== null) {
      const known = this.#rebalance.roster.memberOfInstance(instanceId);
      if (known === undefined) this.#add(request, newMemberId, ticket, now);
      else this.#replaceStatic(known, request, ticket, now);
    } else if (request.requiresKnownMemberId) {
      this.#rebalance.expect(newMemberId, request.sessionTimeoutMs, now);
      this.#outbox.reply(ticket, joinFailure("member_id_required", newMemberId));
    } else this.#add(request, newMemberId, ticket, now);
  }

  #add(request: JoinRequest, memberId: string, ticket: Ticket, now: Moment): void {
    if (this.#rebalance.roster.size === 0) this.#rebalance.protocolType = request.protocolType;
    const { instanceId, clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs, protocols } = request;
    const parkedJoin = { ticket, supportsSkippingAssignment: request.supportsSkippingAssignment };
    this.#rebalance.add({
      memberId,
      instanceId,
      clientId,
      clientHost,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      protocols,
      assignment: NO_BYTES,
      sessionDeadlineMs: Infinity,
      isNew: true,
      parkedJoin,
      parkedSync: null,
    }, now);
  }

  #rejoin(request: JoinRequest, ticket: Ticket, now: Moment): void {
    const { roster } = this.#rebalance;
    const fault = roster.claimFault(request.memberId, request.instanceId);
    if (fault !== null) return this.#outbox.reply(ticket, joinFailure(fault, request.memberId));
    const member = roster.members.get(request.memberId)!;
    const isSame = hasSameProtocols(member.protocols, request.protocols);
    // The leader asks again when it wants to assign anew: partitions were added, or a cooperative round goes on.
    const needsRebalance = this.#state === "PreparingRebalance" || !isSame ||
      (this.#state === "Stable" && roster.leaderId === member.memberId);
    if (!needsRebalance) {
      this.#rebalance.touch(member, now);
      return this.#outbox.reply(ticket, this.#rebalance.joinAnswer(member));
    }
    this.#update(member, request, ticket, now);
    this.#rebalance.startOrGoOn(now);
  }

  #update(member: GroupMember, request: JoinRequest, ticket: Ticket, now: Moment): void {
    this.#rebalance.roster.setProtocols(member, request.protocols);
    member.clientId = request.clientId;
    member.clientHost = request.clientHost;
    member.sessionTimeoutMs = request.sessionTimeoutMs;
    member.rebalanceTimeoutMs = request.rebalanceTimeoutMs;
    this.#rebalance.touch(member, now);
    const { supportsSkippingAssignment } = request;
    this.#rebalance.park(member, { ticket, supportsSkippingAssignment });
  }

  /** A static member is back and does not know its old id: the same place under a new one (KIP-345). */
  #replaceStatic(old: GroupMember, request: JoinRequest, ticket: Ticket, now: Moment): void {
    const previousLeader = this.#rebalance.roster.leaderId;
    this.#rebalance.endWaits(old, "member_fenced");
    const before: GroupMember = { ...old };
    const member = this.#rebalance.roster.replace(old, request.newMemberId);
    this.#update(member, request, ticket, now);
    const staysStable = this.#state === "Stable" &&
      this.#rebalance.roster.selectProtocol() === this.#rebalance.protocolName;
    if (!staysStable) return this.#rebalance.startOrGoOn(now);
    const { generation } = this.#rebalance;
    this.#outbox.append([this.#rebalance.record(now)], (failure) => {
      if (this.#rebalance.generation !== generation || this.#state !== "Stable") return;
      if (this.#rebalance.roster.members.get(member.memberId) !== member || member.parkedJoin?.ticket !== ticket) {
        return;
      }
      if (failure !== null) return this.#takeBack(member, before, failure);
      this.#rebalance.roster.unpark(member);
      const answer = this.#rebalance.joinAnswer(member);
      const { supportsSkippingAssignment } = request;
      const isLeader = this.#rebalance.roster.leaderId === member.memberId;
      // An older client that finds itself leader would assign anew, though nothing has changed: it is told the old id.
      this.#outbox.reply(
        ticket,
        supportsSkippingAssignment
          ? { ...answer, skipAssignment: isLeader }
          : { ...answer, leader: previousLeader ?? "", members: [] },
      );
    });
  }

  /** The new id could not be stored: the old one counts, which is what the log says. */
  #takeBack(member: GroupMember, before: GroupMember, failure: ErrorCode): void {
    this.#rebalance.endWaits(member, failure);
    const restored = this.#rebalance.roster.replace(member, before.memberId);
    this.#rebalance.roster.setProtocols(restored, before.protocols);
    restored.sessionTimeoutMs = before.sessionTimeoutMs;
    restored.rebalanceTimeoutMs = before.rebalanceTimeoutMs;
  }

  // -- Syncing and leaving ------------------------------------------------------------------------------------------

  #claimFault(claim: MemberClaim): ErrorCode | null {
    if (this.#state === "Dead") return "coordinator_unavailable";
    const fault = this.#rebalance.roster.claimFault(claim.memberId, claim.instanceId);
    if (fault !== null) return fault;
    return claim.generation === this.#rebalance.generation ? null : "illegal_generation";
  }

  #syncFault(request: SyncRequest): ErrorCode | null {
    const fault = this.#claimFault(request);
    if (fault !== null) return fault;
    const { protocolType, protocolName } = request;
    const isOther = (protocolType !== null && protocolType !== this.#rebalance.protocolType) ||
      (protocolName !== null && protocolName !== this.#rebalance.protocolName);
    if (isOther) return "inconsistent_group_protocol";
    return this.#state === "PreparingRebalance" ? "rebalance_in_progress" : null;
  }

  /** Stores what the leader decided; only then is it told to anyone. */
  #assign(assignments: ReadonlyMap<string, Uint8Array>, now: Moment): void {
    const { generation } = this.#rebalance;
    this.#assigning = generation;
    this.#outbox.append([this.#rebalance.record(now, assignments)], (failure, later) => {
      if (failure === null) this.#rebalance.isStored = true;
      if (this.#state !== "CompletingRebalance" || this.#rebalance.generation !== generation) return;
      if (failure !== null) {
        this.#rebalance.endSyncs(failure);
        return this.#rebalance.start(later);
      }
      this.#rebalance.enter("Stable", later);
      for (const member of this.#rebalance.roster.members.values()) {
        member.assignment = assignments.get(member.memberId) ?? NO_BYTES;
        if (member.parkedSync === null) continue;
        this.#replySync(member, member.parkedSync);
        member.parkedSync = null;
        this.#rebalance.synced(member);
        this.#rebalance.touch(member, later);
      }
    });
  }

  #replySync(member: GroupMember, ticket: Ticket): void {
    const { protocolType, protocolName } = this.#rebalance;
    this.#outbox.reply(ticket, {
      kind: "sync",
      error: null,
      protocolType,
      protocolName,
      assignment: member.assignment,
    });
  }

  #leaveOne({ memberId, instanceId }: LeavingMember): ErrorCode | null {
    const { roster } = this.#rebalance;
    if (this.#state === "Dead") return "coordinator_unavailable";
    if (memberId === "" && instanceId !== null) {
      const member = roster.memberOfInstance(instanceId);
      if (member === undefined) return "unknown_member";
      this.#rebalance.drop(member);
      return null;
    }
    if (roster.pending.delete(memberId)) return null;
    const fault = roster.claimFault(memberId, instanceId);
    if (fault === null) this.#rebalance.drop(roster.members.get(memberId)!);
    return fault;
  }

  get #state(): GroupState {
    return this.#rebalance.state;
  }
}

/** Names and metadata of one member, against what it makes the group's record weigh. */
function isWithinBounds({ memberId, instanceId, clientId, protocolType, protocols }: JoinRequest): boolean {
  const { groupNameBytesMax, groupProtocolsMax, groupMemberBytesMax } = LIMITS;
  const names = [memberId, instanceId ?? "", clientId, protocolType, ...protocols.map(({ name }) => name)];
  if (protocols.length > groupProtocolsMax || instanceId === "") return false;
  if (names.some((name) => utf8Bytes(name) > groupNameBytesMax)) return false;
  return protocols.reduce((sum, { metadata }) => sum + metadata.length, 0) <= groupMemberBytesMax;
}
