/** `2025-01-31T08:05:09.123Z`: a time in milliseconds since 1970, as people and logs write it. */
export function isoTime(nowMs: number): string {
  return new Date(nowMs).toISOString();
}
