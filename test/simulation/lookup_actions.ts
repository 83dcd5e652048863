/** Looking for a key's newest record, over a client's connection. */
import type { SimulatedRandom } from "../../adapters/simulation/random.ts";
import { SentinelError } from "../../src/base/errors.ts";
import { encodeHex } from "../../src/bytes/hex.ts";
import type { NativeClient } from "../../src/client/native_client.ts";
import { newestAcknowledged } from "./checkers/newest_of_key.ts";
import type { ClientActor } from "./client_actor.ts";
import { type PartitionModel, TABLE_KEYS } from "./model.ts";

/** One lookup of a random key; true when it was answered. */
export function lookUpSome(
  actor: ClientActor,
  client: NativeClient,
  partition: PartitionModel,
  random: SimulatedRandom,
): Promise<boolean> {
  return lookUp(actor, client, partition, { key: random.pick(TABLE_KEYS), waitMs: random.pick([0, 100, 3_000]) });
}

export async function lookUp(
  actor: ClientActor,
  client: NativeClient,
  partition: PartitionModel,
  { key, waitMs }: { readonly key: Uint8Array; readonly waitMs: number },
): Promise<boolean> {
  const { world } = actor;
  const { topic, highWatermark } = partition;
  const text = encodeHex(key);
  const before = { highWatermark, newest: newestAcknowledged(partition, text) };
  const { powerLosses } = world.node;
  try {
    const parameters = { topic: topic.name, partition: partition.partition, key, waitMs };
    const { record, highWatermark: upTo } = await client.getByKey(parameters);
    // An answer that was under way when the power went may show what is gone since.
    if (world.node.powerLosses !== powerLosses && !topic.isAlwaysFsync) return false;
    const records = record === null ? [] : [record];
    world.observe({ kind: "lookup", partition, key: text, records, highWatermark: upTo, before });
    world.probes.sometimes(record === null ? "a lookup found nothing" : "a lookup found a record");
    return true;
  } catch (thrown) {
    world.probes.sometimes(
      "a lookup was told that the index is behind",
      thrown instanceof SentinelError && thrown.code === "key_index_behind",
    );
    actor.noteFailure(thrown);
    return false;
  }
}
