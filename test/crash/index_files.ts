/**
 * I42, from the files alone and without any of the broker's code: after a clean stop each index entry points at a batch,
 * entries ascend, and the last time entry of a segment is its newest time.
 */
import type { Volume } from "../../adapters/simulation/volume.ts";

const OFFSET_ENTRY_BYTES = 8;
const TIME_ENTRY_BYTES = 12;
const BATCH_LENGTH_END = 12;
const HEADER_BYTES = 61;

interface BatchPlace {
  readonly position: number;
  readonly lastOffset: number;
  readonly maxTimestamp: number;
}

/** What is wrong in the index files of all segments, as texts. */
export function indexFaults(volume: Volume): string[] {
  return volume.filePaths().filter((path) => /\/\d{20}\.log$/.test(path) && !path.includes("-stray/")).flatMap(
    (path) => {
      const base = Number(path.slice(-24, -4));
      const batches = batchesIn(bytesOf(volume, path)!);
      if (batches === null) return [`I42: ${path} does not hold whole batches after a clean stop`];
      const faults = [
        ...offsetIndexFaults(bytesOf(volume, path.replace(/log$/, "index")), base, batches),
        ...timeIndexFaults(bytesOf(volume, path.replace(/log$/, "timeindex")), base, batches),
      ];
      return faults.map((fault) => `I42: ${path}: ${fault}`);
    },
  );
}

function bytesOf(volume: Volume, path: string): Uint8Array | null {
  const node = volume.find(path);
  return node?.kind === "file" ? node.visible.view() : null;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The batches of a segment, or null when something else is behind them. */
function batchesIn(bytes: Uint8Array): BatchPlace[] | null {
  const view = viewOf(bytes);
  const batches: BatchPlace[] = [];
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const lastOffset = Number(view.getBigInt64(at)) + view.getInt32(at + 23);
    // A batch that compaction has emptied has no time.
    const maxTimestamp = view.getInt32(at + 57) === 0 ? -Infinity : Number(view.getBigInt64(at + 35));
    batches.push({ position: at, lastOffset, maxTimestamp });
    const sizeBytes = BATCH_LENGTH_END + view.getInt32(at + 8);
    if (sizeBytes < HEADER_BYTES) return null;
    at += sizeBytes;
  }
  return at === bytes.length ? batches : null;
}

function offsetIndexFaults(bytes: Uint8Array | null, base: number, batches: readonly BatchPlace[]): string[] {
  if (bytes === null || bytes.length % OFFSET_ENTRY_BYTES !== 0) return [`its offset index has ${bytes?.length} bytes`];
  const view = viewOf(bytes);
  const faults: string[] = [];
  let before = 0;
  for (let at = 0; at < bytes.length; at += OFFSET_ENTRY_BYTES) {
    const lastOffset = base + view.getUint32(at);
    const position = view.getUint32(at + 4);
    if (!batches.some((batch) => batch.position === position && batch.lastOffset === lastOffset)) {
      faults.push(`no batch that ends with offset ${lastOffset} is at ${position}`);
    }
    if (position <= before) faults.push(`the entry for ${position} follows the one for ${before}`);
    before = position;
  }
  return faults;
}

function timeIndexFaults(bytes: Uint8Array | null, base: number, batches: readonly BatchPlace[]): string[] {
  if (bytes === null || bytes.length % TIME_ENTRY_BYTES !== 0) return [`its time index has ${bytes?.length} bytes`];
  const view = viewOf(bytes);
  const faults: string[] = [];
  let before = -Infinity;
  for (let at = 0; at < bytes.length; at += TIME_ENTRY_BYTES) {
    const timestamp = Number(view.getBigInt64(at));
    const offset = base + view.getUint32(at + 8);
    const upTo = batches.filter((batch) => batch.lastOffset <= offset);
    const newest = Math.max(...upTo.map((batch) => batch.maxTimestamp));
    if (upTo.at(-1)?.lastOffset !== offset || timestamp !== newest) {
      faults.push(`the time entry ${timestamp} at offset ${offset} is not the newest time there, ${newest}`);
    }
    if (timestamp <= before) faults.push(`the time ${timestamp} follows ${before}`);
    before = timestamp;
  }
  const newest = Math.max(-Infinity, ...batches.map((batch) => batch.maxTimestamp));
  if (newest !== before) faults.push(`its newest time is ${newest}, the time index ends with ${before}`);
  return faults;
}
