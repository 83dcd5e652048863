/**
 * Whole partitions in a store: making and finding them, which of them there are, and removing them. A partition is there
 * when its state is: an empty log is not the same as none.
 */
import type { PartitionId } from "../../base/ids.ts";
import type { KeyValueStore } from "../key_value_store.ts";
import { LeaderEpochs } from "../log/leader_epochs.ts";
import { PartitionKeys, TOPIC_ID_BYTES } from "./partition_keys.ts";
import { encodePartitionState } from "./partition_state.ts";
import { emptySegment } from "./tree_segment.ts";

/** What the first bytes of a key name. */
export interface StoredPartition {
  readonly topicId: Uint8Array;
  readonly partition: PartitionId;
}

const PLACE_BYTES = TOPIC_ID_BYTES + 4;

/** An empty log where nothing is. Durable after the store's `sync()`. */
export async function makePartition(store: KeyValueStore, { topicId, partition }: StoredPartition): Promise<void> {
  const keys = new PartitionKeys(topicId, partition);
  const active = emptySegment(0);
  const epochs = new LeaderEpochs();
  const state = { startOffset: 0, endOffset: 0, cleanOffset: 0, cleanedEnd: 0, removedTo: 0, active, epochs };
  await store.put(keys.state, encodePartitionState(state));
}

export async function hasPartition(store: KeyValueStore, { topicId, partition }: StoredPartition): Promise<boolean> {
  return await store.get(new PartitionKeys(topicId, partition).state) !== null;
}

/** Whether a partition has records. */
export async function hasBatches(store: KeyValueStore, { topicId, partition }: StoredPartition): Promise<boolean> {
  return await firstKey(store, new PartitionKeys(topicId, partition).batches(0)) !== null;
}

/** Removes everything of partitions `from` and up, to before `to`; returns how many keys went. Durable when it resolves. */
export async function removePartitions(
  store: KeyValueStore,
  topicId: Uint8Array,
  from: PartitionId,
  to: PartitionId,
): Promise<number> {
  if (from >= to) return 0;
  const first = new PartitionKeys(topicId, from).all.from!;
  const last = new PartitionKeys(topicId, to - 1).all.to!;
  await store.discardRange({ from: first, to: last });
  const count = await store.deleteRange({ from: first, to: last });
  if (count > 0) await store.sync();
  return count;
}

/** Every partition of which the store has anything, one look into the store each. */
export async function* storedPartitions(store: KeyValueStore): AsyncGenerator<StoredPartition> {
  let from: Uint8Array | null = new Uint8Array(0);
  while (from !== null) {
    const key: Uint8Array | null = await firstKey(store, { from });
    if (key === null) return;
    const place = new Uint8Array(PLACE_BYTES);
    place.set(key.subarray(0, PLACE_BYTES));
    const partition = new DataView(place.buffer).getUint32(TOPIC_ID_BYTES);
    yield { topicId: place.subarray(0, TOPIC_ID_BYTES), partition };
    from = following(place);
  }
}

async function firstKey(
  store: KeyValueStore,
  range: { readonly from?: Uint8Array; readonly to?: Uint8Array },
): Promise<Uint8Array | null> {
  const scan = store.scan(range);
  try {
    return (await scan.next())?.key ?? null;
  } finally {
    scan.close();
  }
}

/** The smallest bytes above all that begin with these; null: there are none. */
function following(prefix: Uint8Array): Uint8Array | null {
  const next = prefix.slice();
  for (let at = next.length - 1; at >= 0; at -= 1) {
    next[at] = (next[at]! + 1) & 0xff;
    if (next[at] !== 0) return next;
  }
  return null;
}
