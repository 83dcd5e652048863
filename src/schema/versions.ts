import { assert } from "../base/assert.ts";

/** Versions of a message, both ends included. */
export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

/** Larger than any int16 version. */
const OPEN_END = 32_767;

/** The range that Kafka's definitions write as `3`, `4-18`, `12+` or `none`; null for none. */
export function parseVersions(text: string): VersionRange | null {
  if (text === "none") return null;
  const parts = /^(\d+)(?:(\+)|-(\d+))?$/.exec(text);
  assert(parts !== null, () => `"${text}" is no version range`);
  const min = Number(parts[1]);
  if (parts[2] !== undefined) return { min, max: OPEN_END };
  return { min, max: parts[3] === undefined ? min : Number(parts[3]) };
}

/** Whether `version` is in the range that `text` writes; absent means none. */
export function hasVersion(text: string | undefined, version: number): boolean {
  const range = text === undefined ? null : parseVersions(text);
  return range !== null && version >= range.min && version <= range.max;
}
