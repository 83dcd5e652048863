import type { PartitionId } from "../base/ids.ts";
import { fnv1a } from "../bytes/fnv1a.ts";
import { murmur2, toPositive } from "../bytes/murmur2.ts";

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
