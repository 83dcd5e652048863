import type { Epoch, Offset, PartitionId } from "../base/ids.ts";
import type { SentinelError } from "../base/errors.ts";
import type { RecordBatch } from "../records/record_batch.ts";
import type { Replica, ReplicaAppend } from "./replica.ts";

/** A partition whose log could not be opened: it exists, and answers everything with what is wrong with it. */
export class OfflineReplica implements Replica {
  readonly topic: string;
  readonly partition: PartitionId;
  readonly failure: SentinelError;
  readonly highWatermark: Offset = 0;
  readonly startOffset: Offset = 0;
  readonly endOffset: Offset = 0;
  readonly epoch: Epoch = -1;
  readonly sizeBytes = 0;
  readonly onAdvance = new Set<() => void>();

  constructor(topic: string, partition: PartitionId, failure: SentinelError) {
    this.topic = topic;
    this.partition = partition;
    this.failure = failure;
  }

  waitForRoom(): null {
    return null;
  }

  append(): ReplicaAppend {
    throw this.failure;
  }

  read(): RecordBatch[] {
    throw this.failure;
  }

  batchForTimestamp(): Promise<RecordBatch | null> {
    return Promise.reject(this.failure);
  }

  endOfEpoch(): null {
    throw this.failure;
  }

  epochAt(): Epoch {
    return -1;
  }

  producer(): null {
    return null;
  }

  producers(): [] {
    return [];
  }

  trimBefore(): Promise<void> {
    return Promise.reject(this.failure);
  }

  applyRetention(): Promise<number> {
    return Promise.resolve(0);
  }

  configure(): void {}

  close(): Promise<void> {
    return Promise.resolve();
  }
}
