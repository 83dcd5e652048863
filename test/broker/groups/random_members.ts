/** Members that do at random what clients do, right and wrong, and a model that says what they may be told (I29, I30, I31). */
import assert from "node:assert/strict";
import { readAssignment } from "../../../src/broker/groups/consumer_protocol.ts";
import type { GroupAnswer, JoinAnswer, SyncAnswer, TopicPartition } from "../../../src/broker/groups/group_types.ts";
import { SeededRandom } from "../../seeded_random.ts";
import { GROUP_SETTINGS, GroupDriver } from "./group_driver.ts";

const PARTITIONS: readonly TopicPartition[] = [0, 1, 2, 3, 4].map((partition) => ({ topic: "t", partition }));
const SESSION_MS = 10_000;
const REBALANCE_MS = 20_000;
/** A rebalance that nobody disturbs ends within this: one delay, one wait for who is gone, one session. */
const SETTLE_MS = 3_000 + 2 * REBALANCE_MS + 2 * SESSION_MS;
const STEP_MS = 1_000;

interface Member {
  readonly name: string;
  readonly instanceId: string | null;
  memberId: string;
  generation: number;
  /** `owner`: it has an assignment and believes in it. */
  state: "out" | "joining" | "joined" | "syncing" | "owner" | "silent";
  joined: JoinAnswer | null;
  isNewStyle: boolean;
}

interface Commit {
  readonly partition: number;
  readonly offset: number;
}

export class RandomMembers {
  readonly #driver = new GroupDriver({ ...GROUP_SETTINGS, membersMax: 8 });
  readonly #random: SeededRandom;
  readonly #members: Member[];
  readonly #asked = new Map<number, (answer: GroupAnswer) => void>();
  /** Generation to partition to who was told that it owns it. */
  readonly #told = new Map<number, Map<number, string>>();
  /** Partition to the position that was acknowledged last. */
  readonly #acknowledged = new Map<number, number>();
  /** Commits that were taken and have not come back, in order. */
  #taken: Commit[] = [];
  #generationMax = 0;
  #offset = 0;
  readonly seen = { stable: 0, restarts: 0, fenced: 0, refused: 0, commits: 0 };

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#members = ["A", "B", "C", "D", "E"].map((name, at) => ({
      name,
      instanceId: at < 2 ? `static-${name}` : null,
      memberId: "",
      generation: -1,
      state: "out",
      joined: null,
      isNewStyle: at !== 4,
    }));
    this.#driver.onAnswer = (ticket, answer) => {
      const heard = this.#asked.get(ticket);
      this.#asked.delete(ticket);
      heard?.(answer);
    };
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step++) {
      this.#step();
      this.#take();
      this.#check();
    }
    this.#settleDown();
  }

  #step(): void {
    const choice = this.#random.below(100);
    const member = this.#random.pick(this.#members);
    if (choice < 62) this.#act(member);
    else if (choice < 78) this.#driver.advance(this.#random.below(4_000), () => this.#take());
    else if (choice < 92) this.#settleOne(null);
    else if (choice < 94) member.state = "silent";
    else if (choice < 96) this.#leave(member);
    else if (choice < 97) this.#zombie(member);
    else if (choice < 98) this.#settleOne("coordinator_unavailable");
    else if (choice < 99) this.#restart();
    else this.#replace(member);
  }

  /** What a client does next. */
  #act(member: Member): void {
    switch (member.state) {
      case "out":
        return this.#join(member);
      case "joined":
        return this.#sync(member);
      case "owner":
        if (this.#random.below(2) === 0) this.#heartbeat(member);
        else this.#commit(member);
        return;
      default:
        return;
    }
  }

  #join(member: Member): void {
    member.state = "joining";
    const ticket = this.#driver.join(member.name, {
      memberId: member.memberId,
      instanceId: member.instanceId,
      sessionMs: SESSION_MS,
      rebalanceMs: REBALANCE_MS,
      protocols: this.#random.below(8) === 0 ? ["sticky", "range"] : ["range", "sticky"],
      requiresKnownMemberId: member.isNewStyle,
      supportsSkippingAssignment: this.#random.below(2) === 0,
    });
    this.#asked.set(ticket, (answer) => this.#onJoined(member, answer as JoinAnswer));
  }

  #onJoined(member: Member, answer: JoinAnswer): void {
    if (member.state !== "joining") return;
    member.state = "out";
    if (answer.error === "member_id_required") member.memberId = answer.memberId;
    else if (answer.error === "unknown_member" || answer.error === "member_fenced") this.#forget(member);
    if (answer.error !== null) return;
    assert.ok(answer.generation >= this.#generationMax, `generation ${answer.generation} after ${this.#generationMax}`);
    member.memberId = answer.memberId;
    member.generation = answer.generation;
    member.joined = answer;
    member.state = "joined";
  }

  #sync(member: Member): void {
    const { joined } = member;
    assert.ok(joined !== null);
    member.state = "syncing";
    const assignments = new Map<string, TopicPartition[]>(joined.members.map(({ memberId }) => [memberId, []]));
    if (!joined.skipAssignment && joined.members.length > 0) {
      PARTITIONS.forEach((partition, at) =>
        assignments.get(joined.members[at % joined.members.length]!.memberId)!.push(partition)
      );
    }
    const claim = { memberId: member.memberId, generation: member.generation, instanceId: member.instanceId };
    const { generation } = member;
    this.#asked.set(
      this.#driver.sync(claim, assignments),
      (answer) => this.#onSynced(member, generation, answer as SyncAnswer),
    );
  }

  #onSynced(member: Member, generation: number, answer: SyncAnswer): void {
    if (answer.error === null) this.#own(member, generation, answer);
    if (member.state !== "syncing" || member.generation !== generation) return;
    member.state = answer.error === null ? "owner" : "out";
    if (answer.error === "unknown_member" || answer.error === "member_fenced") this.#forget(member);
  }

  /** I29: at most one owner of a partition in a generation, and it is a member; the generation is one that is stored. */
  #own(member: Member, generation: number, answer: SyncAnswer): void {
    this.#generationMax = Math.max(this.#generationMax, generation);
    const partitions = readAssignment(answer.assignment);
    assert.ok(partitions !== null);
    let owners = this.#told.get(generation);
    if (owners === undefined) this.#told.set(generation, owners = new Map());
    const owner = member.instanceId ?? member.name;
    for (const { partition } of partitions) {
      const other: string = owners.get(partition) ?? owner;
      assert.equal(other, owner, `partition ${partition} of generation ${generation} belongs to two`);
      owners.set(partition, owner);
    }
    const stored = this.#driver.records.some((record) =>
      record.type === "group" && record.value?.generation === generation
    );
    assert.ok(stored, `generation ${generation} was told and is not stored`);
  }

  #heartbeat(member: Member): void {
    const { memberId, generation, instanceId } = member;
    const error = this.#driver.group.heartbeat({ memberId, generation, instanceId }, this.#driver.now);
    if (error === null) return;
    if (error === "unknown_member" || error === "member_fenced" || error === "illegal_generation") this.#forget(member);
    member.state = "out";
  }

  #commit(member: Member): void {
    const { memberId, generation } = member;
    this.#tryCommit(memberId, generation, (error) => {
      if (error !== null && member.generation === generation) member.state = "out";
      if (error === "unknown_member" || error === "illegal_generation") this.#forget(member);
    });
  }

  /** Someone who was fenced long ago, or never was a member, commits; `#tryCommit` knows whether that may be taken. */
  #zombie(member: Member): void {
    const memberId = this.#random.below(2) === 0 ? `${member.name}-0` : member.memberId;
    this.#tryCommit(memberId, Math.max(0, member.generation - 1), (error) => {
      if (error !== null) this.seen.fenced += 1;
    });
  }

  /** I30: a commit is taken only with an id and a generation that count, and is there once it is acknowledged. */
  #tryCommit(memberId: string, generation: number, heard: (error: string | null) => void): void {
    const { group } = this.#driver;
    const { state, generation: current, members } = group.describe();
    const isMember = members.some((each) => each.memberId === memberId) && generation === current;
    const mayCommit = (isMember && state !== "CompletingRebalance") || (generation < 0 && state === "Empty");
    const commit = { partition: this.#random.below(PARTITIONS.length), offset: ++this.#offset };
    const ticket = this.#driver.commit(
      { memberId, generation },
      { topic: "t", partition: commit.partition },
      commit.offset,
    );
    if (mayCommit) this.#taken.push(commit);
    let isSettled = false;
    this.#asked.set(ticket, (answer) => {
      isSettled = true;
      this.#taken = this.#taken.filter((each) => each !== commit);
      if (answer.error === null) {
        assert.ok(mayCommit, `a commit of ${memberId} in generation ${generation} was taken`);
        this.#acknowledged.set(commit.partition, commit.offset);
        this.seen.commits += 1;
      }
      heard(answer.error);
    });
    this.#take();
    assert.equal(isSettled, !mayCommit, `a commit of ${memberId} in generation ${generation} in ${state}`);
  }

  #leave(member: Member): void {
    if (member.memberId === "") return;
    this.#driver.group.leave([{ memberId: member.memberId, instanceId: member.instanceId }], this.#driver.now);
    this.#forget(member);
    member.state = "out";
  }

  /** The process is started again and has forgotten its id. */
  #replace(member: Member): void {
    this.#forget(member);
    member.state = "out";
  }

  #forget(member: Member): void {
    member.memberId = "";
    member.generation = -1;
  }

  #settleOne(failure: "coordinator_unavailable" | null): void {
    if (this.#driver.pending.size === 0) return;
    if (failure !== null) this.seen.refused += 1;
    this.#driver.settle(failure);
  }

  /** A crash: of what was appended and not acknowledged, the first few may be there all the same. */
  #restart(): void {
    const survivors = [...this.#driver.pending.values()].slice(0, this.#random.below(this.#driver.pending.size + 1));
    for (const records of survivors) this.#driver.records.push(...records);
    for (const record of survivors.flat()) {
      if (record.type === "offset" && record.value !== null) {
        this.#acknowledged.set(record.partition, record.value.offset);
      }
    }
    this.#taken = [];
    this.#asked.clear();
    this.#driver.restart();
    for (const member of this.#members) {
      if (member.state === "joining" || member.state === "syncing") member.state = "out";
    }
    this.seen.restarts += 1;
  }

  #take(): void {
    while (this.#driver.take().length > 0);
  }

  #check(): void {
    const { group } = this.#driver;
    if (group.state === "Stable") this.seen.stable += 1;
    for (const { partition } of PARTITIONS) {
      const expected = this.#acknowledged.get(partition) ?? null;
      assert.equal(
        group.offsets.get("t", partition)?.offset ?? null,
        expected,
        `the position of partition ${partition}`,
      );
    }
  }

  /** I31: when nothing goes wrong any more, every partition has an owner within a bounded time. */
  #settleDown(): void {
    for (const member of this.#members) if (member.state === "silent") member.state = "out";
    for (let elapsedMs = 0; elapsedMs < SETTLE_MS; elapsedMs += STEP_MS) {
      for (const member of this.#members) {
        if (member.state === "owner") this.#heartbeat(member);
        else this.#act(member);
        this.#take();
        while (this.#driver.pending.size > 0) {
          this.#driver.settle(null);
          this.#take();
        }
      }
      this.#driver.advance(STEP_MS, () => this.#take());
    }
    const description = this.#driver.group.describe();
    assert.equal(description.state, "Stable");
    const owned = description.members.flatMap(({ partitions }) => partitions.map(({ partition }) => partition));
    assert.deepEqual(owned.sort(), PARTITIONS.map(({ partition }) => partition));
    assert.equal(description.members.length, this.#members.length);
  }
}
