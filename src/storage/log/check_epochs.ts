import type { RecordBatch } from "../../records/record_batch.ts";
import { corruption } from "./corruption.ts";
import type { LogState } from "./log_state.ts";
import type { Segment } from "./segment.ts";

/** No checksum covers a batch's epoch: a stale or misdirected sector of the same offsets shows there alone. */
export async function checkEpochs(state: LogState, segment: Segment, batches: readonly RecordBatch[]): Promise<void> {
  const { epochs, startOffset } = state;
  for (const { baseOffset, leaderEpoch } of batches) {
    const known = epochs.epochAt(Math.max(baseOffset, startOffset));
    if (leaderEpoch === known) continue;
    const position = await segment.reader.positionOf(baseOffset) ?? 0;
    throw corruption(segment.logPath, position, `epoch ${leaderEpoch} where the checkpoint says ${known}`);
  }
}
