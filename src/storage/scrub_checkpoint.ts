/**
 * How far the scrub is, so that a broker which is restarted each day reads everything in time, and one that is restarted
 * each hour does not begin a pass each hour. The file is a hint: without it, or when it says what cannot be, a pass begins.
 *
 * `scrub-checkpoint` in the data directory: one JSON object, `{"version": 1, "startedMs": …, "coveredMs": …,
 * "isFinished": …, "source": "orders-0", "file": "00000000000000000000.log"}`.
 */
import type { TimestampMs } from "../base/ids.ts";
import { decodeUtf8 } from "../bytes/utf8.ts";
import type { Disk } from "../platform/disk.ts";
import { readSmallFile, replaceFile } from "./small_file.ts";

export const SCRUB_CHECKPOINT_FILE = "scrub-checkpoint";
const FILE_BYTES_MAX = 64 * 1024;
const VERSION = 1;

export interface ScrubCheckpoint {
  /** When the newest pass began, by the wall clock. */
  readonly startedMs: TimestampMs;
  /** Began the last pass that has come to its end; of a broker that never had one, when its first one began. */
  readonly coveredMs: TimestampMs;
  /** Whether the newest pass has come to its end. */
  readonly isFinished: boolean;
  /** The last file that it has read: what it is part of, and its name. Empty at the beginning. */
  readonly source: string;
  readonly file: string;
}

export function encodeScrubCheckpoint(checkpoint: ScrubCheckpoint): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify({ version: VERSION, ...checkpoint })}\n`);
}

/** Null when the bytes say nothing that can be used. */
export function decodeScrubCheckpoint(bytes: Uint8Array): ScrubCheckpoint | null {
  const text = decodeUtf8(bytes);
  if (text === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { version, startedMs, coveredMs, isFinished, source, file } = value as Record<string, unknown>;
  if (version !== VERSION || !isTime(startedMs) || !isTime(coveredMs)) return null;
  if (typeof isFinished !== "boolean" || typeof source !== "string" || typeof file !== "string") return null;
  return { startedMs, coveredMs, isFinished, source, file };
}

function isTime(value: unknown): value is TimestampMs {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

export async function loadScrubCheckpoint(disk: Disk, dataPath: string): Promise<ScrubCheckpoint | null> {
  const bytes = await readSmallFile(disk, `${dataPath}/${SCRUB_CHECKPOINT_FILE}`, FILE_BYTES_MAX);
  return bytes === null ? null : decodeScrubCheckpoint(bytes);
}

export async function storeScrubCheckpoint(disk: Disk, dataPath: string, checkpoint: ScrubCheckpoint): Promise<void> {
  await replaceFile(disk, dataPath, SCRUB_CHECKPOINT_FILE, encodeScrubCheckpoint(checkpoint));
}
