/** Regions kept at most: readers at more places than this cost a second check, not memory. */
const REGIONS_MAX = 64;

/**
 * Which bytes of a file this process has checked since it started. A region is checked once (design D11): its pages are
 * in memory then, or come back from a disk that has shown them right.
 */
export class VerifiedRegions {
  /** Disjoint, sorted, [start, end). */
  #regions: { start: number; end: number }[] = [];

  covers(start: number, end: number): boolean {
    for (const region of this.#regions) {
      if (region.start <= start) {
        if (region.end >= end) return true;
      } else break;
    }
    return false;
  }

  add(start: number, end: number): void {
    const merged = { start, end };
    const kept: { start: number; end: number }[] = [];
    for (const region of this.#regions) {
      if (region.end < merged.start || region.start > merged.end) kept.push(region);
      else {
        merged.start = Math.min(merged.start, region.start);
        merged.end = Math.max(merged.end, region.end);
      }
    }
    kept.push(merged);
    kept.sort((left, right) => left.start - right.start);
    if (kept.length > REGIONS_MAX) kept.shift();
    this.#regions = kept;
  }

  /** Forgets everything from `position` on: other bytes will stand there. */
  truncateFrom(position: number): void {
    this.#regions = this.#regions
      .filter((region) => region.start < position)
      .map((region) => ({ start: region.start, end: Math.min(region.end, position) }));
  }
}
