/**
 * What compaction has done to a log: up to where it has been cleaned, and which segments it has written, so that a gap is
 * known for what it is. A batch's checksum does not cover its offset; where batches follow each other without gaps the
 * next one tells, in a cleaned segment only this file does: it holds each one's size, its count of batches and a checksum
 * over what their own checksums leave out. A gap that is not of the cleaner's making is damage, also in a cleaned segment.
 *
 * Layout, text lines (Kafka's cleaner-offset-checkpoint has the clean offset alone, for a whole directory):
 *
 *   0                                             version
 *   <sequence> <clean offset> <count>
 *   <base> <end> <bytes> <batches> <checksum>     a line for each cleaned segment, ascending; the checksum in decimal
 *   <checksum>                                    CRC-32C over the log's identity and all lines before, in decimal
 *
 * Two files hold the same, so that rot in one does not take the log away. The newer sequence counts. The first of them,
 * once durable, is the moment at which a cleaned segment takes the place of its sources: what is renamed and removed after
 * that is finished by the next start.
 */
import type { Offset } from "../../base/ids.ts";
import { crc32c } from "../../bytes/crc32c.ts";
import { decodeUtf8 } from "../../bytes/utf8.ts";
import type { Disk } from "../../platform/disk.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import { readSmallFile, replaceFile } from "../small_file.ts";
import { isFull } from "./write_failures.ts";

/** The file and its twin. */
export const CLEANER_CHECKPOINT_FILES = ["cleaner-checkpoint", "cleaner-checkpoint.twin"] as const;
/** More is none of ours: 100 bytes for each of 600,000 segments. */
const FILE_BYTES_MAX = 64 * 1024 * 1024;
/** Base offset, length and epoch, magic: what stands before a batch's checksum. */
const UNCOVERED_BYTES = 17;
const LINE_REGEXP = /^(\d{1,16}) (\d{1,16}) (\d{1,10}) (\d{1,10}) (\d{1,10})$/;

/** A segment as the cleaner has written it. */
export interface CleanedSegment {
  readonly baseOffset: Offset;
  /** The next segment's base offset; its last batch ends there. */
  readonly endOffset: Offset;
  readonly sizeBytes: number;
  readonly batches: number;
  /** Over the first bytes of all batches, see `CleanedSummary`. */
  readonly checksum: number;
}

export interface CleanerCheckpoint {
  /** Everything below was under a key map. */
  readonly cleanOffset: Offset;
  readonly segments: readonly CleanedSegment[];
}

/** Adds up what tells a cleaned segment from any other sequence of batches. */
export class CleanedSummary {
  batches = 0;
  sizeBytes = 0;
  checksum = 0;
  endOffset: Offset = 0;

  add(batch: RecordBatch): void {
    this.batches += 1;
    this.sizeBytes += batch.sizeBytes;
    this.checksum = crc32c(batch.bytes, 0, UNCOVERED_BYTES, this.checksum);
    this.endOffset = batch.endOffset;
  }

  isOf(segment: CleanedSegment): boolean {
    return this.batches === segment.batches && this.sizeBytes === segment.sizeBytes &&
      this.checksum === segment.checksum && this.endOffset === segment.endOffset;
  }
}

export function encodeCleanerCheckpoint(
  checkpoint: CleanerCheckpoint,
  sequence: number,
  identity: Uint8Array,
): Uint8Array {
  const lines = checkpoint.segments.map(({ baseOffset, endOffset, sizeBytes, batches, checksum }) =>
    `${baseOffset} ${endOffset} ${sizeBytes} ${batches} ${checksum}\n`
  );
  const text = `0\n${sequence} ${checkpoint.cleanOffset} ${lines.length}\n${lines.join("")}`;
  const bytes = new TextEncoder().encode(text);
  return new TextEncoder().encode(`${text}${crc32c(bytes, 0, bytes.length, crc32c(identity))}\n`);
}

/** What a file says, or null when it is torn, rotten or of another log. */
export function decodeCleanerCheckpoint(
  bytes: Uint8Array,
  identity: Uint8Array,
): { readonly sequence: number; readonly checkpoint: CleanerCheckpoint } | null {
  const text = decodeUtf8(bytes);
  const end = text?.lastIndexOf("\n", text.length - 2) ?? -1;
  if (text === null || end < 0) return null;
  // All of it is ASCII where the checksum agrees, so that characters are bytes.
  if (text.slice(end + 1) !== `${crc32c(bytes, 0, end + 1, crc32c(identity))}\n`) return null;
  const lines = text.slice(0, end).split("\n");
  const head = /^(\d{1,16}) (\d{1,16}) (\d{1,7})$/.exec(lines[1] ?? "");
  if (lines[0] !== "0" || head === null || lines.length !== 2 + Number(head[3])) return null;
  const segments: CleanedSegment[] = [];
  for (const line of lines.slice(2)) {
    const match = LINE_REGEXP.exec(line);
    if (match === null) return null;
    const [baseOffset, endOffset, sizeBytes, batches, checksum] = match.slice(1).map(Number) as [
      number,
      number,
      number,
      number,
      number,
    ];
    if (baseOffset < (segments.at(-1)?.endOffset ?? 0) || endOffset <= baseOffset) return null;
    segments.push({ baseOffset, endOffset, sizeBytes, batches, checksum });
  }
  return { sequence: Number(head[1]), checkpoint: { cleanOffset: Number(head[2]), segments } };
}

/** The two files of one log. One call at a time. */
export class CleanerCheckpointFiles {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #identity: Uint8Array;
  #sequence = 0;
  #isTwinStale = false;
  current: CleanerCheckpoint = { cleanOffset: 0, segments: [] };

  private constructor(disk: Disk, directory: string, identity: Uint8Array) {
    this.#disk = disk;
    this.#directory = directory;
    this.#identity = identity;
  }

  /** Reads what is there; nothing when the log was never cleaned, or neither file can be used. */
  static async load(disk: Disk, directory: string, identity: Uint8Array): Promise<CleanerCheckpointFiles> {
    const files = new CleanerCheckpointFiles(disk, directory, identity);
    const sequences: number[] = [];
    for (const name of CLEANER_CHECKPOINT_FILES) {
      const bytes = await readSmallFile(disk, `${directory}/${name}`, FILE_BYTES_MAX);
      const decoded = bytes === null ? null : decodeCleanerCheckpoint(bytes, identity);
      sequences.push(decoded?.sequence ?? 0);
      if (decoded === null || decoded.sequence <= files.#sequence) continue;
      files.#sequence = decoded.sequence;
      files.current = decoded.checkpoint;
    }
    files.#isTwinStale = sequences[0] !== sequences[1];
    return files;
  }

  /** Makes both files say the same again: what the older one says must not come back when the newer rots. */
  async mend(): Promise<void> {
    if (this.#isTwinStale) await this.store(this.current);
    this.#isTwinStale = false;
  }

  /**
   * Durable in both files when it resolves. A failure means that nobody knows which of the two checkpoints counts, but
   * for a disk that had no room for the first file: then nothing has changed, and the error is the disk's.
   */
  async store(checkpoint: CleanerCheckpoint): Promise<void> {
    const sequence = this.#sequence + 1;
    const bytes = encodeCleanerCheckpoint(checkpoint, sequence, this.#identity);
    await replaceFile(this.#disk, this.#directory, CLEANER_CHECKPOINT_FILES[0], bytes);
    this.#sequence = sequence;
    this.current = checkpoint;
    try {
      await replaceFile(this.#disk, this.#directory, CLEANER_CHECKPOINT_FILES[1], bytes);
    } catch (thrown) {
      // The first file counts; the twin is behind until the next store.
      if (!isFull(thrown)) throw thrown;
      this.#isTwinStale = true;
    }
  }
}
