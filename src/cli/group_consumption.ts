/** `consume -group`: reads what the group gives this member, and commits what was printed. */
import type { Offset, PartitionId } from "../base/ids.ts";
import { GroupSession } from "../client/group_session.ts";
import type { NativeClient } from "../client/native_client.ts";
import type { PartitionName } from "../client/native_groups.ts";
import type { CommandContext } from "./command.ts";
import { describeError, EXIT_DONE, EXIT_FAILED } from "./command.ts";
import type { ConsumedRecords } from "./consumed_records.ts";
import { PartitionReader } from "./partition_reader.ts";
import { resolveStart, type Start } from "./start_offset.ts";

/** A rebalance must not wait long for a member that waits for records. */
const FETCH_WAIT_MS = 500;
/** Between two commits while records come; Kafka's consumers take 5 s. */
const COMMIT_MS = 1_000;

export interface GroupConsumptionOptions {
  readonly group: string;
  readonly topic: string;
  /** Where a partition begins that the group has committed nothing for. */
  readonly start: Start;
  readonly follow: boolean;
}

export class GroupConsumption {
  readonly #context: CommandContext;
  readonly #client: NativeClient;
  readonly #options: GroupConsumptionOptions;
  readonly #records: ConsumedRecords;
  readonly #session: GroupSession;
  /** Printed and not committed: the next offset of each partition. */
  readonly #printed = new Map<PartitionId, Offset>();
  #committedMs = 0;
  #isJoining = false;
  #isStopped = false;

  constructor(
    context: CommandContext,
    client: NativeClient,
    options: GroupConsumptionOptions,
    records: ConsumedRecords,
  ) {
    this.#context = context;
    this.#client = client;
    this.#options = options;
    this.#records = records;
    this.#session = new GroupSession(client, context.platform.clock, { group: options.group, topics: [options.topic] });
  }

  async run(): Promise<number> {
    const { output, terminal } = this.#context;
    const cancelStop = terminal.onStop(() => {
      this.#isStopped = true;
      // Nothing is to be committed yet, and a rebalance may take minutes.
      if (this.#isJoining) this.#client.close();
    });
    let exitCode = EXIT_DONE;
    try {
      await this.#consume();
      await this.#commit();
      await this.#session.leave();
    } catch (thrown) {
      this.#session.abandon();
      if (!this.#isStopped) {
        await this.#records.endProgress();
        await output.error(`Error receiving: ${describeError(thrown)}`);
        exitCode = EXIT_FAILED;
      }
    }
    cancelStop();
    await this.#records.footer();
    return exitCode;
  }

  async #consume(): Promise<void> {
    const { group, topic } = this.#options;
    // A topic that is not there is an error, not a group that reads nothing.
    await this.#client.describeTopic(topic);
    let hasHeading = false;
    while (!this.#isEnough()) {
      const partitions = await this.#join();
      const readers = await Promise.all(partitions.map(({ partition }) => this.#open(partition)));
      if (!hasHeading) {
        const what = readers.length === 1 ? "1 partition" : `${readers.length} partitions`;
        this.#records.heading(`Consuming from ${topic} (group ${group}, ${what})...`);
        await this.#context.output.flush();
        hasHeading = true;
      }
      await this.#readAll(readers);
      if (!this.#session.mustJoin) return;
      await this.#commit();
      this.#printed.clear();
    }
  }

  async #join(): Promise<readonly PartitionName[]> {
    this.#isJoining = true;
    const partitions = await this.#session.join();
    this.#isJoining = false;
    return partitions.filter(({ topic }) => topic === this.#options.topic);
  }

  async #open(partition: PartitionId): Promise<PartitionReader> {
    const { group, topic, follow, start } = this.#options;
    const end = follow ? Infinity : (await this.#client.offsets(topic, partition, "latest")).offset;
    const committed = (await this.#client.groups.committed(group)).find((each) =>
      each.topic === topic && each.partition === partition
    );
    const next = await this.#startOf(partition, committed?.offset ?? null, start);
    return new PartitionReader(this.#client, { topic, partition, next, end, waitMs: FETCH_WAIT_MS });
  }

  /** What was committed may have been deleted since: then the group goes on where the log begins. */
  async #startOf(partition: PartitionId, committed: Offset | null, start: Start): Promise<Offset> {
    const { topic } = this.#options;
    if (committed === null) return await resolveStart(this.#client, topic, partition, start);
    return Math.max(committed, (await this.#client.offsets(topic, partition, "earliest")).offset);
  }

  /** With an end, one partition after another; without one all at once, since each may wait for ever. */
  async #readAll(readers: readonly PartitionReader[]): Promise<void> {
    if (!this.#options.follow) {
      for (const reader of readers) await this.#read(reader);
      return;
    }
    if (readers.length === 0) await this.#waitForPartitions();
    else await Promise.all(readers.map((reader) => this.#read(reader)));
  }

  /** More members than partitions: it waits until somebody goes. */
  async #waitForPartitions(): Promise<void> {
    while (!this.#isEnough() && !this.#session.mustJoin) {
      await new Promise<void>((resolve) => this.#context.platform.clock.after(FETCH_WAIT_MS, resolve));
    }
  }

  async #read(reader: PartitionReader): Promise<void> {
    const { partition } = reader;
    while (!this.#isEnough() && !this.#session.mustJoin) {
      const records = await reader.read(this.#records.wanted);
      if (records === null) return;
      // What is lost with this member must not be read by the next: it is out before it is committed.
      const printed = await this.#records.print(records, partition, true);
      this.#printed.set(partition, printed === records.length ? reader.next : records[printed - 1]!.offset + 1);
      if (this.#context.platform.clock.monotonicMs() - this.#committedMs >= COMMIT_MS) await this.#commit();
    }
  }

  async #commit(): Promise<void> {
    const { topic } = this.#options;
    const positions = [...this.#printed].map(([partition, offset]) => ({ topic, partition, offset }));
    this.#printed.clear();
    this.#committedMs = this.#context.platform.clock.monotonicMs();
    await this.#session.commit(positions);
  }

  #isEnough(): boolean {
    return this.#isStopped || this.#records.wanted <= 0;
  }
}
