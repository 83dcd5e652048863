/** What native frames have no message for, asked of the broker itself: If-Match and DeleteRecords. */
import type { SimulatedRandom } from "../../adapters/simulation/random.ts";
import { SentinelError } from "../../src/base/errors.ts";
import type { ClientActor } from "./client_actor.ts";
import { isRefusal } from "./client_actor.ts";
import type { PartitionModel } from "./model.ts";
import { noteProduced, noteRefusal } from "./outcomes.ts";

export const GONE = Symbol("the process has died");

/** The outcome of a call into a process that may die under it. */
export async function unlessGone<Result>(work: Promise<Result>, halted: Promise<void>): Promise<Result | typeof GONE> {
  return await Promise.race([work, halted.then((): typeof GONE => GONE)]);
}

export async function trim(actor: ClientActor, partition: PartitionModel, random: SimulatedRandom): Promise<void> {
  const { world } = actor;
  const { running } = world.node;
  if (running === null) return;
  const offset = random.between(partition.logStart, Math.max(partition.logStart, partition.highWatermark));
  partition.trimAskedMax = Math.max(partition.trimAskedMax, offset);
  try {
    const { topic } = partition;
    const start = await unlessGone(
      running.broker.deleteRecordsBefore(topic.name, partition.partition, offset),
      running.process.disk.halted,
    );
    if (start === GONE) return;
    if (start < offset) world.violate("I26", `${partition.name} was trimmed to ${offset} and starts at ${start}`);
    world.probes.sometimes("a trim moved the log start", start > partition.logStart);
    partition.logStart = Math.max(partition.logStart, start);
  } catch (thrown) {
    noteRefusal(world, thrown);
  }
}

export async function appendIfMatch(
  actor: ClientActor,
  partition: PartitionModel,
  random: SimulatedRandom,
): Promise<void> {
  const { world } = actor;
  const { running } = world.node;
  if (running === null) return;
  const { topic } = partition;
  const end = world.node.running?.broker.describeTopic(topic.name)?.partitions[partition.partition]?.end ?? 0;
  const expectedOffset = random.chance(2, 3) ? end : random.below(end + 3);
  // Not over a connection, so in no order with what goes over one.
  const { sent, record } = world.model.newRecord(
    random,
    {
      topicName: topic.name,
      partition: partition.partition,
      session: `if-match ${world.model.records.size}`,
      order: actor.nextOrder(),
    },
    {
      nowMs: actor.clock.nowMs(),
      bytesMean: world.configuration.recordBytesMean,
      isCompacted: topic.isCompacted,
    },
  );
  const isStrict = topic.durability === "fsync";
  const { powerLosses } = world.node;
  try {
    const outcomes = await unlessGone(
      running.broker.produceRecords(topic.name, [{ record, partition: partition.partition }], {
        acks: "all",
        expectedOffset,
      }),
      running.process.disk.halted,
    );
    if (outcomes === GONE) return;
    const outcome = outcomes[0]!;
    if (!outcome.ok) throw outcome.error;
    if (outcome.ack.first !== expectedOffset) {
      world.violate("I15", `${partition.name}: If-Match ${expectedOffset} was appended at ${outcome.ack.first}`);
    }
    world.probes.sometimes("an append with the right If-Match");
    noteProduced(world, partition, [sent], {
      ...outcome.ack,
      isStrict: isStrict && topic.durability === "fsync",
      powerLosses,
    });
  } catch (thrown) {
    if (isRefusal(thrown, 1)) sent.outcome = "refused";
    world.probes.sometimes(
      "an append with a wrong If-Match",
      thrown instanceof SentinelError && thrown.code === "offset_mismatch",
    );
    noteRefusal(world, thrown);
  }
}
