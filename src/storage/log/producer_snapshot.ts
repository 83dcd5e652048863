/**
 * A producer snapshot's bytes: Kafka's ProducerSnapshot, version 1 (protocol notes §6.2).
 *
 * Layout (big-endian):
 *
 *   0  version i16                 1
 *   2  crc u32                     CRC-32C over bytes 6 … end
 *   6  count i32
 *  10  entries of 46 bytes
 *
 *   0  producerId i64
 *   8  producerEpoch i16
 *  10  lastSequence i32
 *  14  lastOffset i64
 *  22  offsetDelta i32             records of the batch − 1
 *  26  timestamp i64               the batch's largest
 *  34  coordinatorEpoch i32        −1: there are no transactions yet
 *  38  currentTxnFirstOffset i64   −1
 *
 * Kafka writes a producer's last batch only, so a retry of an earlier one is out of order after a restart. We write an
 * entry for each batch that is remembered, oldest first: Kafka's reader takes the last one of a producer.
 */
import { crc32c } from "../../bytes/crc32c.ts";
import { ByteReader } from "../../bytes/byte_reader.ts";
import { ByteWriter } from "../../bytes/byte_writer.ts";
import type { Offset, ProducerId } from "../../base/ids.ts";
import { LIMITS } from "../../base/limits.ts";
import { SEQUENCE_MAX } from "../producer_states.ts";
import type { ProducerBatch, ProducerState } from "../producer_states.ts";

const VERSION = 1;
const CRC_START = 6;
const HEADER_BYTES = 10;
const ENTRY_BYTES = 46;

export function encodeProducerSnapshot(states: readonly ProducerState[]): Uint8Array {
  const count = states.reduce((sum, { batches }) => sum + batches.length, 0);
  const writer = new ByteWriter(HEADER_BYTES + count * ENTRY_BYTES);
  writer.int16(VERSION);
  writer.uint32(0);
  writer.int32(count);
  for (const { producerId, epoch, batches } of states) {
    for (const batch of batches) {
      writer.bigInt64(producerId);
      writer.int16(epoch);
      writer.int32(batch.lastSequence);
      writer.int64(batch.lastOffset);
      writer.int32(batch.lastOffset - batch.baseOffset);
      writer.int64(batch.timestamp);
      writer.int32(-1);
      writer.int64(-1);
    }
  }
  const bytes = writer.written;
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(2, crc32c(bytes, CRC_START));
  return bytes;
}

/** What a snapshot that was taken at `endOffset` says, or null when it is damaged or cannot be one of that log. */
export function decodeProducerSnapshot(bytes: Uint8Array, endOffset: Offset): ProducerState[] | null {
  const reader = new ByteReader(bytes);
  const version = reader.int16();
  const crc = reader.uint32();
  const count = reader.int32();
  if (reader.fault !== null || version !== VERSION || crc !== crc32c(bytes, CRC_START)) return null;
  if (count < 0 || count * ENTRY_BYTES !== bytes.length - HEADER_BYTES) return null;
  const states = new Map<ProducerId, ProducerState>();
  for (let at = 0; at < count; at += 1) {
    const producerId = reader.bigInt64();
    const epoch = reader.int16();
    const batch = readBatch(reader);
    if (producerId < 0n || epoch < 0 || batch === null || batch.lastOffset >= endOffset) return null;
    const known = states.get(producerId);
    const kept = known !== undefined && known.epoch === epoch ? known.batches : [];
    if (kept.length > 0 && kept.at(-1)!.lastOffset >= batch.baseOffset) return null;
    states.set(producerId, { producerId, epoch, batches: [...kept.slice(-(LIMITS.producerBatchesMax - 1)), batch] });
  }
  return [...states.values()];
}

function readBatch(reader: ByteReader): ProducerBatch | null {
  const lastSequence = reader.int32();
  const lastOffset = reader.int64();
  const offsetDelta = reader.int32();
  const timestamp = reader.int64();
  reader.int32();
  reader.int64();
  const baseOffset = lastOffset - offsetDelta;
  if (!(lastSequence >= 0 && offsetDelta >= 0 && baseOffset >= 0 && Number.isSafeInteger(lastOffset))) return null;
  const firstSequence = lastSequence - offsetDelta;
  return {
    firstSequence: firstSequence < 0 ? firstSequence + SEQUENCE_MAX + 1 : firstSequence,
    lastSequence,
    baseOffset,
    lastOffset,
    timestamp,
  };
}
