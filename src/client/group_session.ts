/** One member of a group over native frames: joins, assigns when it leads, says that it lives, commits, leaves. */
import { PlatformError, SentinelError } from "../base/errors.ts";
import type { ErrorCode } from "../base/errors.ts";
import type { Cancel, Clock } from "../platform/clock.ts";
import type { NativeClient } from "./native_client.ts";
import type { CommittedPosition, PartitionName } from "./native_groups.ts";
import { assignRange } from "./range_assignor.ts";

export interface GroupSessionOptions {
  readonly group: string;
  readonly topics: readonly string[];
  readonly sessionTimeoutMs?: number;
  readonly rebalanceTimeoutMs?: number;
}

const SESSION_MS = 10_000;
const REBALANCE_MS = 30_000;
/** Kafka's rule: a third of the session, so that two may be lost. */
const HEARTBEATS_A_SESSION = 3;
/** Before a join is tried again that a coordinator could not take. */
const RETRY_MS = 200;

/** The group knows this member no longer, or not in this generation: it begins anew. */
const FENCED: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["unknown_member", "member_fenced", "illegal_generation"]);
const AGAIN: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "rebalance_in_progress",
  "coordinator_loading",
  "coordinator_unavailable",
  "not_coordinator",
]);

export class GroupSession {
  readonly #client: NativeClient;
  readonly #clock: Clock;
  readonly #options: Required<GroupSessionOptions>;
  #memberId = "";
  #generation = -1;
  #mustJoin = true;
  #isOwner = false;
  #cancelHeartbeat: Cancel | null = null;
  #failure: unknown = null;

  constructor(client: NativeClient, clock: Clock, options: GroupSessionOptions) {
    this.#client = client;
    this.#clock = clock;
    this.#options = { sessionTimeoutMs: SESSION_MS, rebalanceTimeoutMs: REBALANCE_MS, ...options };
  }

  /** In which generation it was given its partitions; −1 before. */
  get generation(): number {
    return this.#generation;
  }

  /** Its partitions are about to be another's, or were already: commit and join again. Throws what ended the session. */
  get mustJoin(): boolean {
    if (this.#failure !== null) throw this.#failure;
    return this.#mustJoin;
  }

  /** Joins, as often as it takes to be given partitions; none is an answer too. */
  async join(): Promise<readonly PartitionName[]> {
    this.#stopHeartbeats();
    this.#isOwner = false;
    while (true) {
      try {
        const partitions = await this.#joinOnce();
        this.#mustJoin = false;
        this.#isOwner = true;
        this.#scheduleHeartbeat();
        return partitions;
      } catch (thrown) {
        if (!this.#mayGoOn(thrown)) throw thrown;
        await new Promise<void>((resolve) => this.#clock.after(RETRY_MS, resolve));
      }
    }
  }

  /** True when the positions are kept; false when another owns these partitions by now. */
  async commit(positions: readonly CommittedPosition[]): Promise<boolean> {
    if (positions.length === 0) return true;
    const { group } = this.#options;
    const member = { memberId: this.#memberId, generation: this.#generation };
    const { offsets } = await this.#client.groups.commit(group, positions, member);
    const error = offsets.find((each) => each.error !== undefined)?.error as ErrorCode | undefined;
    if (error === undefined) return true;
    const refusal = new SentinelError(error, `Group ${group} did not take the offsets`);
    if (!this.#mayGoOn(refusal)) throw refusal;
    return false;
  }

  /** Gives its partitions back; the others need not wait for its session to end. */
  async leave(): Promise<void> {
    this.#stopHeartbeats();
    if (!this.#isOwner) return;
    this.#isOwner = false;
    try {
      await this.#client.groups.leave(this.#options.group, this.#memberId);
    } catch (thrown) {
      // It is no member any more, which is what was asked for.
      if (!(thrown instanceof SentinelError || thrown instanceof PlatformError)) throw thrown;
    }
  }

  /** Forgets the group without a word: its session will end there. */
  abandon(): void {
    this.#stopHeartbeats();
    this.#isOwner = false;
  }

  // -- Inside -------------------------------------------------------------------------------------------------------

  async #joinOnce(): Promise<readonly PartitionName[]> {
    const { groups } = this.#client;
    const { group, topics, sessionTimeoutMs, rebalanceTimeoutMs } = this.#options;
    const memberId = this.#memberId;
    const joined = await groups.join({ group, memberId, topics, sessionTimeoutMs, rebalanceTimeoutMs });
    this.#memberId = joined.memberId;
    this.#generation = joined.generation;
    let assignments: Map<string, PartitionName[]> | undefined;
    if (joined.leader === joined.memberId) {
      const wanted = [...new Set(joined.members.flatMap((member) => member.topics))];
      const metadata = await this.#client.metadata(wanted);
      const counts = new Map(metadata.topics.map(({ name, partitions }) => [name, partitions.length]));
      assignments = assignRange(joined.members, counts);
    }
    return await groups.sync({ group, memberId: this.#memberId, generation: this.#generation }, assignments);
  }

  /** Whether a failure only means that the member must join (again). */
  #mayGoOn(thrown: unknown): boolean {
    if (!(thrown instanceof SentinelError)) return false;
    if (FENCED.has(thrown.code)) this.#memberId = "";
    else if (!AGAIN.has(thrown.code)) return false;
    this.#mustJoin = true;
    return true;
  }

  #scheduleHeartbeat(): void {
    const everyMs = this.#options.sessionTimeoutMs / HEARTBEATS_A_SESSION;
    this.#cancelHeartbeat = this.#clock.after(everyMs, () => void this.#heartbeat());
  }

  async #heartbeat(): Promise<void> {
    const { group } = this.#options;
    try {
      await this.#client.groups.heartbeat({ group, memberId: this.#memberId, generation: this.#generation });
    } catch (thrown) {
      // Fenced, it commits once more and hears it then: the id is needed until the next join.
      if (thrown instanceof SentinelError && (FENCED.has(thrown.code) || AGAIN.has(thrown.code))) this.#mustJoin = true;
      else this.#failure = thrown;
    }
    // A rebalance waits for this member: it goes on saying that it lives until it has joined.
    if (this.#isOwner && this.#failure === null) this.#scheduleHeartbeat();
  }

  #stopHeartbeats(): void {
    this.#cancelHeartbeat?.();
    this.#cancelHeartbeat = null;
  }
}
