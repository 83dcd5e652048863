/** Reads a write-ahead log from its beginning, record by record, up to the first that is wrong or to the end. */
import { LIMITS } from "../../base/limits.ts";
import type { DiskFile } from "../../platform/disk.ts";
import { seedAt } from "./file_seed.ts";
import {
  decodeLogHeader,
  decodeRecordHeader,
  LOG_HEADER_BYTES,
  type LogHeader,
  RECORD_BYTES_MAX,
  RECORD_HEADER_BYTES,
  recordFaultOf,
  type RecordHeader,
} from "./log_record.ts";

/** Where the good records end. */
export interface LogEnd {
  readonly position: number;
  readonly lastSequence: number;
  /** What is wrong at `position`; null: the file ends there. */
  readonly fault: string | null;
}

/** The header of a log file, or what is wrong with it. */
export async function readLogHeader(file: DiskFile, seed: number, number: number): Promise<LogHeader | string> {
  const bytes = new Uint8Array(LOG_HEADER_BYTES);
  const count = await file.readAt(0, bytes);
  const header = decodeLogHeader(bytes.subarray(0, count), seed);
  if (typeof header === "string" || header.number === number) return header;
  return `the log's number is ${header.number}`;
}

/**
 * Calls `visit` for each good record: `bytes[from, end)` are its operations. Sequences must ascend from record to record.
 */
export async function scanLog(
  file: DiskFile,
  seed: number,
  previousSequence: number,
  visit: (header: RecordHeader, bytes: Uint8Array, from: number, end: number) => void,
): Promise<LogEnd> {
  const window = new FileWindow(file, await file.sizeBytes());
  let position = LOG_HEADER_BYTES;
  let lastSequence = previousSequence;
  while (position < window.fileBytes) {
    const fault = await readRecord(position);
    if (fault !== null) return { position, lastSequence, fault };
  }
  return { position, lastSequence, fault: null };

  async function readRecord(from: number): Promise<string | null> {
    const leftBytes = window.fileBytes - from;
    if (leftBytes < RECORD_HEADER_BYTES) return "a record's header is cut off";
    await window.load(from, RECORD_HEADER_BYTES);
    const header = decodeRecordHeader(window.bytes, from - window.position);
    const recordBytes = RECORD_HEADER_BYTES + header.operationsBytes;
    // The bound comes before the memory: a length is damage until its checksum says otherwise.
    if (recordBytes > leftBytes || recordBytes > RECORD_BYTES_MAX) {
      return `a record says ${recordBytes} bytes; ${leftBytes} are left`;
    }
    await window.load(from, recordBytes);
    const at = from - window.position;
    const fault = recordFaultOf(window.bytes, at, at + recordBytes, seedAt(seed, from));
    if (fault !== null) return fault;
    if (header.firstSequence <= lastSequence || !Number.isSafeInteger(header.firstSequence + header.count)) {
      return `sequence ${header.firstSequence} comes after ${lastSequence}`;
    }
    visit(header, window.bytes, at + RECORD_HEADER_BYTES, at + recordBytes);
    lastSequence = header.firstSequence + header.count - 1;
    position = from + recordBytes;
    return null;
  }
}

/** A part of a file in memory that moves up. */
class FileWindow {
  readonly fileBytes: number;
  readonly #file: DiskFile;
  bytes = new Uint8Array(0);
  position = 0;

  constructor(file: DiskFile, fileBytes: number) {
    this.#file = file;
    this.fileBytes = fileBytes;
  }

  /** `sizeBytes` from `position` on are in `bytes` afterwards; they must lie within the file. */
  async load(position: number, sizeBytes: number): Promise<void> {
    if (position >= this.position && position + sizeBytes <= this.position + this.bytes.length) return;
    const wanted = Math.min(this.fileBytes - position, Math.max(sizeBytes, LIMITS.segmentReadBytes));
    const bytes = new Uint8Array(wanted);
    const count = await this.#file.readAt(position, bytes);
    // A file that became shorter while it was read has zeros there, which no checksum lets pass.
    this.bytes = bytes;
    this.position = position;
    if (count < wanted) bytes.fill(0, count);
  }
}
