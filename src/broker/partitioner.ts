import type { PartitionId } from "../base/ids.ts";
import { fnv1a } from "../bytes/fnv1a.ts";
import { murmur2, toPositive } from "../bytes/murmur2.ts";

/**
 * Who gets a record that names no partition. `murmur2`: by key as the Java client does it; `fnv1a`: by key as Sentinel's
 * hash partitioner does it; `round-robin`: each record the next one, keys or not. With the first two, records without a
 * key go round robin request by request.
 */
export type PartitionerName = "murmur2" | "fnv1a" | "round-robin";

/** As the Java client spreads keyed records: murmur2, made positive, modulo. Records of one key share a partition. */
export function murmur2Partition(key: Uint8Array, partitionCount: number): PartitionId {
  return toPositive(murmur2(key)) % partitionCount;
}

/** Sentinel's hash partitioner (facts B5): FNV-1a 32-bit of the key, modulo; an empty key goes to partition 0. */
export function fnv1aPartition(key: Uint8Array, partitionCount: number): PartitionId {
  return key.length === 0 ? 0 : fnv1a(key) % partitionCount;
}

/** Sentinel's round robin (facts B5): the counter goes up first, so that the first pick of several is 1. */
export class RoundRobin {
  #count = 0;

  next(partitionCount: number): PartitionId {
    this.#count = (this.#count + 1) >>> 0;
    return this.#count % partitionCount;
  }
}

/** Picks partitions by the broker's setting. One for the whole broker: its round robin goes on from call to call. */
export class Partitioner {
  readonly #name: PartitionerName;
  readonly #roundRobin = new RoundRobin();

  constructor(name: PartitionerName) {
    this.#name = name;
  }

  /** For a call, or a batch, whose records have no key. */
  next(partitionCount: number): PartitionId {
    return this.#roundRobin.next(partitionCount);
  }

  /** The partition that the record's own key or turn decides; null: it goes with the others of its call. */
  partitionOf(key: Uint8Array | null, partitionCount: number): PartitionId | null {
    if (this.#name === "round-robin") return this.#roundRobin.next(partitionCount);
    if (key === null) return null;
    return this.#name === "fnv1a" ? fnv1aPartition(key, partitionCount) : murmur2Partition(key, partitionCount);
  }
}
