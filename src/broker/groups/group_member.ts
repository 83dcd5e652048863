import type { JoinedMember, MemberProtocol, StoredMember, Ticket } from "./group_types.ts";

/** One member of a group. Only its group changes it. */
export interface GroupMember {
  readonly memberId: string;
  readonly instanceId: string | null;
  clientId: string;
  clientHost: string;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  protocols: readonly MemberProtocol[];
  /** What the leader gave it in this generation. */
  assignment: Uint8Array;
  /** When it is taken for gone, by the monotonic clock, unless it says something before. */
  sessionDeadlineMs: number;
  /** It joined since the last generation: its parked join does not keep it alive for ever. */
  isNew: boolean;
  /** Its join that waits for the rebalance to end. */
  parkedJoin: ParkedJoin | null;
  /** Its sync that waits for the leader's. */
  parkedSync: Ticket | null;
}

export interface ParkedJoin {
  readonly ticket: Ticket;
  readonly supportsSkippingAssignment: boolean;
}

/** What it says for a protocol; nothing when it does not know it. */
export function metadataOf(member: GroupMember, protocol: string | null): Uint8Array {
  return member.protocols.find(({ name }) => name === protocol)?.metadata ?? NO_BYTES;
}

export function joinedMember(member: GroupMember, protocol: string | null): JoinedMember {
  return { memberId: member.memberId, instanceId: member.instanceId, metadata: metadataOf(member, protocol) };
}

/** Whether the same protocols in the same order say the same: the leader need not be asked again. */
export function hasSameProtocols(left: readonly MemberProtocol[], right: readonly MemberProtocol[]): boolean {
  return left.length === right.length && left.every((protocol, at) => {
    const other = right[at]!;
    return protocol.name === other.name && areEqual(protocol.metadata, other.metadata);
  });
}

export function storedMember(member: GroupMember, protocol: string | null, assignment: Uint8Array): StoredMember {
  return {
    memberId: member.memberId,
    instanceId: member.instanceId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    rebalanceTimeoutMs: member.rebalanceTimeoutMs,
    sessionTimeoutMs: member.sessionTimeoutMs,
    subscription: metadataOf(member, protocol),
    assignment,
  };
}

/** A member as the log knew it: its session begins again, since nobody counted while the coordinator was away. */
export function restoredMember(stored: StoredMember, protocol: string | null, nowMs: number): GroupMember {
  const { memberId, instanceId, clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs, assignment } = stored;
  return {
    memberId,
    instanceId,
    clientId,
    clientHost,
    sessionTimeoutMs,
    rebalanceTimeoutMs,
    protocols: [{ name: protocol ?? "", metadata: stored.subscription }],
    assignment,
    sessionDeadlineMs: nowMs + sessionTimeoutMs,
    isNew: false,
    parkedJoin: null,
    parkedSync: null,
  };
}

export const NO_BYTES = new Uint8Array(0);

function areEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}
