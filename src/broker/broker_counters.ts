import type { BrokerCounters } from "./types.ts";

/** The counters of a broker that has done nothing yet. */
export function noCounts(): BrokerCounters {
  return {
    recordsProduced: 0,
    recordsConsumed: 0,
    bytesProduced: 0,
    bytesConsumed: 0,
    errors: 0,
    cleanerPasses: 0,
    cleanerReadBytes: 0,
    cleanerWrittenBytes: 0,
    cleanerRemovedRecords: 0,
    cleanerMs: 0,
    cleanerFailures: 0,
    cleanerFailedPartitions: 0,
    scrubReadBytes: 0,
    scrubPasses: 0,
    scrubDamage: 0,
    scrubDamagedPlaces: 0,
    scrubRemainingBytes: 0,
    scrubLagMs: 0,
    keyLookups: 0,
    keyLookupsFound: 0,
    keyIndexRebuilds: 0,
    keyIndexFailures: 0,
    idempotencyKeys: 0,
    idempotencyReplays: 0,
  };
}
