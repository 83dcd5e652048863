/** One group with members that have names: what scripts and random walks ask of it, and its answers as lines. */
import assert from "node:assert/strict";
import type { ErrorCode } from "../../../src/base/errors.ts";
import { readSubscription, writeAssignment, writeSubscription } from "../../../src/broker/groups/consumer_protocol.ts";
import { readAssignment } from "../../../src/broker/groups/consumer_protocol.ts";
import { Group } from "../../../src/broker/groups/group.ts";
import type {
  GroupAnswer,
  GroupEffect,
  GroupRecord,
  GroupSettings,
  JoinRequest,
  Moment,
  Ticket,
  TopicPartition,
} from "../../../src/broker/groups/group_types.ts";

export const GROUP_SETTINGS: GroupSettings = {
  initialRebalanceDelayMs: 3_000,
  sessionTimeoutMsMin: 6_000,
  sessionTimeoutMsMax: 1_800_000,
  membersMax: 4,
  offsetsRetentionMs: 86_400_000,
};

export interface JoinOptions {
  readonly memberId: string;
  readonly instanceId?: string | null;
  readonly protocols?: readonly string[];
  readonly topics?: readonly string[];
  readonly sessionMs?: number;
  readonly rebalanceMs?: number;
  readonly protocolType?: string;
  readonly requiresKnownMemberId?: boolean;
  readonly supportsSkippingAssignment?: boolean;
}

const WALL_MS = 1_700_000_000_000;

export class GroupDriver {
  group: Group;
  readonly settings: GroupSettings;
  readonly records: GroupRecord[] = [];
  /** Appends that have not come back. */
  readonly pending = new Map<number, readonly GroupRecord[]>();
  /** Called for each answer. */
  onAnswer: (ticket: Ticket, answer: GroupAnswer) => void = () => {};
  nowMs = 0;
  #nextTicket = 1;
  #nextId = 1;

  constructor(settings: GroupSettings = GROUP_SETTINGS) {
    this.settings = settings;
    this.group = new Group("g", settings);
  }

  get now(): Moment {
    return { monotonicMs: this.nowMs, wallMs: WALL_MS + this.nowMs };
  }

  join(name: string, options: JoinOptions): Ticket {
    const metadata = writeSubscription(options.topics ?? ["t"]);
    const sessionMs = options.sessionMs ?? 10_000;
    const request: JoinRequest = {
      memberId: options.memberId,
      newMemberId: `${name}-${this.#nextId++}`,
      instanceId: options.instanceId ?? null,
      clientId: name,
      clientHost: "/127.0.0.1",
      sessionTimeoutMs: sessionMs,
      rebalanceTimeoutMs: options.rebalanceMs ?? 20_000,
      protocolType: options.protocolType ?? "consumer",
      protocols: (options.protocols ?? ["range"]).map((protocol) => ({ name: protocol, metadata })),
      requiresKnownMemberId: options.requiresKnownMemberId ?? true,
      supportsSkippingAssignment: options.supportsSkippingAssignment ?? true,
    };
    return this.ask((ticket) => this.group.join(request, ticket, this.now));
  }

  sync(
    claim: { memberId: string; generation: number; instanceId?: string | null },
    assignments: ReadonlyMap<string, readonly TopicPartition[]>,
  ): Ticket {
    const encoded = new Map([...assignments].map(([memberId, partitions]) => [memberId, writeAssignment(partitions)]));
    const request = { instanceId: null, ...claim, protocolType: null, protocolName: null, assignments: encoded };
    return this.ask((ticket) => this.group.sync(request, ticket, this.now));
  }

  commit(claim: { memberId: string; generation: number }, partition: TopicPartition, offset: number): Ticket {
    const committed = {
      offset,
      leaderEpoch: -1,
      metadata: "",
      commitTimestampMs: this.now.wallMs,
      expireTimestampMs: -1,
      topicId: null,
    };
    return this.ask((ticket) =>
      this.group.commit({ instanceId: null, ...claim, offsets: [{ ...partition, committed }] }, ticket, this.now)
    );
  }

  ask(request: (ticket: Ticket) => void): Ticket {
    const ticket = this.#nextTicket++;
    request(ticket);
    return ticket;
  }

  /** What the group wants done: answers are handed on, appends wait in `pending`. */
  take(): readonly GroupEffect[] {
    const effects = this.group.take();
    for (const effect of effects) {
      if (effect.kind === "append") this.pending.set(effect.write, effect.records);
      else this.onAnswer(effect.ticket, effect.answer);
    }
    this.group.assertInvariants();
    return effects;
  }

  /** The oldest append comes back: appends are answered in their order. */
  settle(failure: ErrorCode | null): void {
    const [write] = this.pending.keys();
    assert.ok(write !== undefined, "nothing is to be stored");
    if (failure === null) this.records.push(...this.pending.get(write)!);
    this.pending.delete(write);
    this.group.appended(write, failure, this.now);
  }

  /** Moves time, running what becomes due on the way. */
  advance(ms: number, onTick: () => void = () => {}): void {
    const untilMs = this.nowMs + ms;
    while (this.group.deadlineMs <= untilMs) {
      this.nowMs = Math.max(this.nowMs, this.group.deadlineMs);
      this.group.tick(this.now);
      onTick();
    }
    this.nowMs = untilMs;
  }

  /** The process is gone, and a new one reads what was stored. */
  restart(): void {
    this.pending.clear();
    this.group = new Group("g", this.settings);
    for (const record of this.records) this.group.restore(record, this.now);
  }
}

export function formatRecord(record: GroupRecord): string {
  if (record.type === "offset") {
    return `${record.topic}-${record.partition} ${record.value === null ? "deleted" : `at ${record.value.offset}`}`;
  }
  if (record.value === null) return "group deleted";
  const { generation, protocol, leader, members } = record.value;
  const listed = members.map(({ memberId, assignment }) => `${memberId} ${formatAssignment(assignment)}`);
  return `generation ${generation}, ${protocol}, leader ${leader}: ${listed.join(", ") || "no members"}`;
}

export function formatAssignment(assignment: Uint8Array): string {
  const partitions = readAssignment(assignment);
  assert.ok(partitions !== null);
  return `[${partitions.map(({ topic, partition }) => `${topic}-${partition}`).join(" ")}]`;
}

export function formatAnswer(answer: GroupAnswer): string {
  if (answer.error !== null) {
    return answer.kind === "join" && answer.error === "member_id_required"
      ? `${answer.error} ${answer.memberId}`
      : answer.error;
  }
  if (answer.kind === "done") return "done";
  if (answer.kind === "sync") return formatAssignment(answer.assignment);
  const { generation, protocolName, leader, memberId, members, skipAssignment } = answer;
  const listed = members.map((member) => `${member.memberId} reads ${readSubscription(member.metadata)?.join(" ")}`);
  return `generation ${generation}, ${protocolName}, leader ${leader}, is ${memberId}` +
    (listed.length === 0 ? "" : `, assigns ${listed.join(", ")}`) + (skipAssignment ? ", as before" : "");
}
