import { OFFSET_MAX } from "../../base/ids.ts";
import type { Offset } from "../../base/ids.ts";

/** The three files of a segment (facts Y9; Kafka's names). */
export type SegmentFileKind = "log" | "index" | "timeindex";

const SEGMENT_FILE_REGEXP = /^(\d{20})\.(log|index|timeindex)$/;

/** `00000000000000000042.log`: 20 digits, so that names sort as offsets do. */
export function segmentFileName(baseOffset: Offset, kind: SegmentFileKind): string {
  return `${String(baseOffset).padStart(20, "0")}.${kind}`;
}

/** What a file name says, or null when it is not a segment's. */
export function parseSegmentFileName(name: string): { baseOffset: Offset; kind: SegmentFileKind } | null {
  const match = SEGMENT_FILE_REGEXP.exec(name);
  if (match === null) return null;
  const baseOffset = Number(match[1]);
  return baseOffset > OFFSET_MAX ? null : { baseOffset, kind: match[2] as SegmentFileKind };
}

const SNAPSHOT_FILE_REGEXP = /^(\d{20})\.snapshot$/;

/** `00000000000000000042.snapshot`: the producers of the log below offset 42. */
export function snapshotFileName(offset: Offset): string {
  return `${String(offset).padStart(20, "0")}.snapshot`;
}

/** The offset that a snapshot's name says, or null when it is not a snapshot's. */
export function parseSnapshotFileName(name: string): Offset | null {
  const match = SNAPSHOT_FILE_REGEXP.exec(name);
  const offset = match === null ? NaN : Number(match[1]);
  return Number.isSafeInteger(offset) ? offset : null;
}

/**
 * `00000000000000000042.log.cleaned`, then `….log.swap`: a segment that compaction writes, before it has the name of what
 * it replaces (Kafka's suffixes).
 */
export function cleanedFileName(baseOffset: Offset, suffix: "cleaned" | "swap"): string {
  return `${segmentFileName(baseOffset, "log")}.${suffix}`;
}

/** What such a name says, or null when it is none. */
export function parseCleanedFileName(name: string): { baseOffset: Offset; suffix: "cleaned" | "swap" } | null {
  const match = /^(.+)\.(cleaned|swap)$/.exec(name);
  const parsed = match === null ? null : parseSegmentFileName(match[1]!);
  if (match === null || parsed?.kind !== "log") return null;
  return { baseOffset: parsed.baseOffset, suffix: match[2] as "cleaned" | "swap" };
}
