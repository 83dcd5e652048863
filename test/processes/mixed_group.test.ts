/** One group, two protocols: `sentinel consume -group` and a Kafka consumer share a topic's partitions and its offsets. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { NativeClient } from "../../src/client/native_client.ts";
import { ROOT } from "../../tools/paths.mjs";
import { type BrokerProcess, startBroker } from "./broker_process.ts";
import { ended, gather, ownKind, spawnSentinel } from "./sentinel_command.ts";

const TOPIC = "orders";
const GROUP = "reports";
const PARTITIONS = 4;
const RECORDS_A_ROUND = 40;
const WAIT_MS_MAX = 60_000;
const POLL_MS = 20;
/** Rebalances wait for heartbeats; two runtimes start meanwhile. */
const LONG = { timeout: 120_000 };

/** A record as a member printed it. */
interface Seen {
  readonly partition: number;
  readonly offset: number;
  readonly value: string;
}

class Member {
  readonly #child: ChildProcess;
  readonly #out: () => string;
  readonly #errors: () => string;
  readonly #parse: (line: string) => Seen;
  readonly #ended: Promise<unknown>;

  constructor(child: ChildProcess, parse: (line: string) => Seen) {
    this.#child = child;
    this.#parse = parse;
    this.#out = gather(child.stdout);
    this.#errors = gather(child.stderr);
    this.#ended = ended(child, "a member", 2 ** 30);
  }

  /** All whole lines so far. */
  get seen(): Seen[] {
    return this.#out().split("\n").slice(0, -1).map(this.#parse);
  }

  get errors(): string {
    return this.#errors();
  }

  /** Asks it to commit and leave. */
  async leave(): Promise<void> {
    process.kill(this.#child.pid!, "SIGTERM");
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}

function startNative({ binary }: BrokerProcess): Member {
  const args = ["consume", "-topic", TOPIC, "-group", GROUP, "-from-beginning", "-follow", "-json", "-broker", binary];
  return new Member(spawnSentinel(ownKind, args), (line) => JSON.parse(line));
}

function startKafka({ binary }: BrokerProcess): Member {
  const program = join(ROOT, "test/clients/group_member.mjs");
  const child = spawn("node", [program, binary, TOPIC, GROUP], { stdio: ["ignore", "pipe", "pipe"] });
  return new Member(child, (line) => {
    const [partition, offset, value] = line.split(" ");
    return { partition: Number(partition), offset: Number(offset), value: value! };
  });
}

/** Asks again until it is so: what is waited for happens in other processes. */
async function until(what: string, isSo: () => boolean | Promise<boolean>, members: readonly Member[]): Promise<void> {
  for (let waitedMs = 0; waitedMs < WAIT_MS_MAX; waitedMs += POLL_MS) {
    if (await isSo()) return;
    await pause(POLL_MS);
  }
  assert.fail(`${what}: not after ${WAIT_MS_MAX} ms; ${members.map(({ errors }) => errors).join(" ")}`);
}

class Run {
  readonly client: NativeClient;
  readonly members: Member[] = [];
  #produced = 0;

  constructor(client: NativeClient) {
    this.client = client;
  }

  join(member: Member): Member {
    this.members.push(member);
    return member;
  }

  /** The group has settled: so many members, each with its part of the partitions. */
  async untilShared(count: number): Promise<void> {
    await until(`${count} members share`, async () => {
      const isThere = (await this.client.groups.list()).some(({ group }) => group === GROUP);
      if (!isThere) return false;
      const { state, members } = await this.client.groups.describe(GROUP);
      return state === "Stable" && members.length === count &&
        members.every(({ partitions }) => partitions.length === PARTITIONS / count);
    }, this.members);
  }

  /** Records into every partition, and the wait until all that was ever produced was seen. */
  async round(): Promise<void> {
    for (let count = 0; count < RECORDS_A_ROUND; count++) {
      const number = this.#produced++;
      const value = new TextEncoder().encode(`${number}`);
      await this.client.produce({ topic: TOPIC, partition: number % PARTITIONS }, [{ key: null, value, headers: [] }]);
    }
    await until(`${this.#produced} records were read`, () => this.seen.length >= this.#produced, this.members);
  }

  get seen(): Seen[] {
    return this.members.flatMap(({ seen }) => seen);
  }

  /** Each record once, in whichever member. */
  assertOnce(): void {
    const places = this.seen.map(({ partition, offset }) => `${partition}:${offset}`).sort();
    assert.deepEqual(places, [...new Set(places)], "a record was read twice");
    assert.equal(places.length, this.#produced);
    const values = this.seen.map(({ value }) => Number(value)).sort((left, right) => left - right);
    assert.deepEqual(values, Array.from({ length: this.#produced }, (_, number) => number));
  }
}

test(
  "a native member and a Kafka member share partitions and offsets, and take over from each other",
  LONG,
  async () => {
    await using broker = await startBroker({ args: ["--group-initial-rebalance-delay-ms", "0"] });
    const client = await broker.connect();
    await client.createTopic(TOPIC, { partitions: PARTITIONS });
    const run = new Run(client);

    await using native = run.join(startNative(broker));
    await run.untilShared(1);
    await run.round();
    await using kafka = run.join(startKafka(broker));
    await run.untilShared(2);
    const before = native.seen.length;
    await run.round();
    assert.equal(native.seen.length - before, RECORDS_A_ROUND / 2, "each reads its half");
    assert.equal(kafka.seen.length, RECORDS_A_ROUND / 2);

    // The native member goes: Kafka's has all, from where the native one stopped.
    await native.leave();
    await run.untilShared(1);
    await run.round();
    run.assertOnce();
    assert.equal(kafka.seen.length, RECORDS_A_ROUND / 2 + RECORDS_A_ROUND);

    // And the other way round.
    await using again = run.join(startNative(broker));
    await run.untilShared(2);
    await run.round();
    await kafka.leave();
    await run.untilShared(1);
    await run.round();
    await again.leave();
    run.assertOnce();

    const ends = Array.from(
      { length: PARTITIONS },
      (_, partition) => run.seen.filter((one) => one.partition === partition),
    );
    const offsets = await (await fetch(`${broker.http}/v1/groups/${GROUP}/offsets`)).json();
    const committed = offsets.offsets.map((each: Record<string, unknown>) => [each["partition"], each["offset"]]);
    assert.deepEqual(committed.sort(), ends.map(({ length }, partition) => [partition, length]));
    client.close();
  },
);
