/**
 * Which epoch each offset was written in: `leader-epoch-checkpoint`, Kafka's text form.
 *
 * Layout: `0\n` (version), `<count>\n`, then `<epoch> <startOffset>\n` for each epoch, both increasing.
 *
 * Written whole under another name, synced and renamed, before the first batch of a new epoch is durable: below the
 * commit, compaction may have removed the batch that would tell.
 */
import type { Epoch, Offset } from "../../base/ids.ts";
import { assert } from "../../base/assert.ts";
import { decodeUtf8 } from "../../bytes/utf8.ts";
import type { Disk } from "../../platform/disk.ts";
import { readSmallFile, replaceFile } from "../small_file.ts";

export const LEADER_EPOCH_FILE = "leader-epoch-checkpoint";
/** A file beyond this is not one of ours: 65,536 epochs of at most 28 bytes. */
const FILE_BYTES_MAX = 2 * 1024 * 1024;

export interface EpochStart {
  readonly epoch: Epoch;
  readonly startOffset: Offset;
}

export class LeaderEpochs {
  #starts: EpochStart[];

  constructor(starts: readonly EpochStart[] = []) {
    this.#starts = [...starts];
  }

  get starts(): readonly EpochStart[] {
    return this.#starts;
  }

  /** The newest epoch, −1 without any. */
  get latest(): Epoch {
    return this.#starts.at(-1)?.epoch ?? -1;
  }

  /** Notes that `epoch` begins at `startOffset`; true when it is new. */
  assign(epoch: Epoch, startOffset: Offset): boolean {
    const last = this.#starts.at(-1);
    if (last !== undefined && last.epoch === epoch) return false;
    assert(
      last === undefined || (epoch > last.epoch && startOffset >= last.startOffset),
      () => `epoch ${epoch} from ${startOffset} does not come after ${last?.epoch} from ${last?.startOffset}`,
    );
    // An epoch in which nothing was written has no offsets of its own.
    if (last !== undefined && last.startOffset === startOffset) this.#starts.pop();
    this.#starts.push({ epoch, startOffset });
    return true;
  }

  epochAt(offset: Offset): Epoch {
    let found = -1;
    for (const start of this.#starts) {
      if (start.startOffset > offset) break;
      found = start.epoch;
    }
    return found;
  }

  /** Start of the next larger epoch, or `logEnd`; null when `epoch` is not one of this log. */
  endOffsetFor(epoch: Epoch, logEnd: Offset): Offset | null {
    const at = this.#starts.findIndex((start) => start.epoch === epoch);
    if (at < 0) return null;
    return this.#starts[at + 1]?.startOffset ?? logEnd;
  }

  /** Drops what begins at or after `offset`; true when something went. */
  truncateFrom(offset: Offset): boolean {
    const before = this.#starts.length;
    this.#starts = this.#starts.filter((start) => start.startOffset < offset);
    return this.#starts.length !== before;
  }

  /** Drops epochs that ended at or before `offset`; the one that holds it starts there. True when something changed. */
  trimBefore(offset: Offset): boolean {
    const kept = this.#starts.filter((_, at) => (this.#starts[at + 1]?.startOffset ?? Infinity) > offset);
    const first = kept[0];
    if (first !== undefined && first.startOffset < offset) kept[0] = { epoch: first.epoch, startOffset: offset };
    const changed = kept.length !== this.#starts.length || kept[0] !== this.#starts[0];
    this.#starts = kept;
    return changed;
  }
}

export function encodeLeaderEpochs(starts: readonly EpochStart[]): Uint8Array {
  const lines = starts.map((start) => `${start.epoch} ${start.startOffset}\n`);
  return new TextEncoder().encode(`0\n${starts.length}\n${lines.join("")}`);
}

/** What the file says, or null when it is not one: the caller then builds it from the segments. */
export function decodeLeaderEpochs(bytes: Uint8Array): LeaderEpochs | null {
  const lines = decodeUtf8(bytes)?.split("\n");
  if (lines === undefined || lines[0] !== "0" || lines.at(-1) !== "" || lines[1] !== String(lines.length - 3)) {
    return null;
  }
  const starts: EpochStart[] = [];
  for (const line of lines.slice(2, -1)) {
    const match = /^(\d{1,10}) (\d{1,16})$/.exec(line);
    if (match === null) return null;
    const start = { epoch: Number(match[1]), startOffset: Number(match[2]) };
    const last = starts.at(-1);
    if (last !== undefined && (start.epoch <= last.epoch || start.startOffset <= last.startOffset)) return null;
    starts.push(start);
  }
  return new LeaderEpochs(starts);
}

/** The epochs of a log's directory, or null when the file is missing or not readable as one. */
export async function loadLeaderEpochs(disk: Disk, directory: string): Promise<LeaderEpochs | null> {
  const bytes = await readSmallFile(disk, `${directory}/${LEADER_EPOCH_FILE}`, FILE_BYTES_MAX);
  return bytes === null ? null : decodeLeaderEpochs(bytes);
}

/** Durable when it resolves. */
export function storeLeaderEpochs(disk: Disk, directory: string, epochs: LeaderEpochs): Promise<void> {
  return replaceFile(disk, directory, LEADER_EPOCH_FILE, encodeLeaderEpochs(epochs.starts));
}
