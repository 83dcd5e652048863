/**
 * `sometimes()`: what must happen in some run of a batch, or the generator is blind to it (reliability I53). A probe
 * that never fires is as bad as a check that never runs.
 */
export const PROBES = [
  "a record was acknowledged",
  "an outcome stayed unknown",
  "a segment was rolled",
  "a tail was cut at a start",
  "a power loss took pending changes",
  "a power loss took records that were not synced",
  "a start after a clean stop",
  "a start after a kill",
  "a start after a power loss",
  "a crash while a start was under way",
  "a failed sync was met",
  "a failed write was met",
  "a failed read was met",
  "a full disk refused a produce",
  "descriptors ran out",
  "a link stood still",
  "a connection was lost with requests under way",
  "a connection was not read until its requests were answered",
  "a wait for data was answered with some",
  "an append with the right If-Match",
  "an append with a wrong If-Match",
  "an idempotent producer sent a batch",
  "a batch that was sent again was answered",
  "a request with a key was answered again",
  "a request with a key was finished after a crash",
  "a trim moved the log start",
  "retention moved the log start",
  "compaction removed records",
  "a lookup found a record",
  "a lookup found nothing",
  "a lookup was told that the index is behind",
  "an index of keys was built anew",
  "a topic in the tree was made",
  "a topic was made again under its old name",
  "a topic's settings were changed",
  "partitions were added",
  "a damaged log was told",
  "a damaged index was mended",
  "a stale sector came back",
  "the scrub found rot",
  "the scrub mended an index",
  "a group committed",
  "a group's commit was fenced",
  "a group shared its partitions",
  "a recovery was cut and done again with the same outcome",
] as const;

export type Probe = typeof PROBES[number];

export class Probes {
  readonly fired = new Map<Probe, number>();

  sometimes(probe: Probe, isTrue = true): void {
    if (isTrue) this.fired.set(probe, (this.fired.get(probe) ?? 0) + 1);
  }

  add(other: Probes): void {
    for (const [probe, count] of other.fired) this.fired.set(probe, (this.fired.get(probe) ?? 0) + count);
  }

  get silent(): Probe[] {
    return PROBES.filter((probe) => !this.fired.has(probe));
  }
}
