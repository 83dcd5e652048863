/** What is written beside a log's segments and can be done without: the log goes on when the disk has no room for it. */
import type { Offset } from "../../base/ids.ts";
import type { ProducerState } from "../producer_states.ts";
import type { LogState } from "./log_state.ts";
import type { Segment } from "./segment.ts";
import { isFull } from "./write_failures.ts";

/** The active segment's indexes, when enough has come since they were written. */
export async function maybeStoreIndexes(active: Segment): Promise<void> {
  if (active.indexes.shouldStore) await unlessFull(() => active.indexes.store({ durable: false }));
}

/** A producer snapshot at `offset`, below which everything is durable; those that it makes needless go. */
export async function storeProducers(
  state: LogState,
  offset: Offset,
  states: readonly ProducerState[],
): Promise<void> {
  const { snapshots, segments } = state;
  // There is nothing below the first segment that a start could read.
  if (offset === (snapshots.newest ?? segments[0]!.baseOffset)) return;
  await unlessFull(async () => {
    await snapshots.store(offset, states);
    await snapshots.keepOnly(new Set(segments.map(({ baseOffset }) => baseOffset)));
  });
}

/** A full disk is told by the writes that matter. */
export async function unlessFull(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    if (!isFull(thrown)) throw thrown;
  }
}
