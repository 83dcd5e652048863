/** Record batches: found, checked, validated, opened with every codec, and read. */
import assert from "node:assert/strict";
import type { Codec } from "../../../src/platform/compression.ts";
import { crc32c } from "../../../src/bytes/crc32c.ts";
import { buildRecordBatch } from "../../../src/records/build_batch.ts";
import { compressBatch, openBatch } from "../../../src/records/compressed_batch.ts";
import { isRecordsFault, readRecords } from "../../../src/records/read_records.ts";
import { isBatchFault, parseRecordBatch, type RecordBatch } from "../../../src/records/record_batch.ts";
import { isBatchRefusal, validateProducedBatch } from "../../../src/records/validate_batch.ts";
import { currentPlatform } from "../../adapters/current.ts";
import { SeededRandom } from "../../seeded_random.ts";
import type { FuzzTarget } from "../fuzz_target.ts";
import { mutate, randomBytes } from "../mutation.ts";
import { allowRefusals } from "./documented_errors.ts";

const NOW_MS = 1_760_000_000_000;
const BATCH_BYTES_MAX = 1_048_588;
const CRC_AT = 17;
const CRC_START = 21;
const OPENED_BYTES_MAX = 64 * 1024;
const RECORDS_OPTIONS = {
  nowMs: NOW_MS,
  timestampType: "CreateTime",
  batchBytesMax: BATCH_BYTES_MAX,
  timestampAfterMsMax: 3_600_000,
  timestampBeforeMsMax: Infinity,
  requireKeys: false,
} as const;

function makeBatch(random: SeededRandom): RecordBatch {
  const count = 1 + random.below(4);
  const inputs = Array.from({ length: count }, () => ({
    key: random.below(2) === 0 ? null : randomBytes(random, random.below(6)),
    value: random.below(6) === 0 ? null : randomBytes(random, random.below(40)),
    headers: random.below(3) === 0 ? [{ key: "h", value: randomBytes(random, random.below(4)) }] : [],
    timestamp: NOW_MS + random.below(1_000) - 500,
  }));
  return buildRecordBatch(inputs, { nowMs: NOW_MS, baseOffset: random.below(8) === 0 ? random.uint32() : 0 });
}

/** Length and checksum made right again: what lies behind those two checks must hold by itself. */
function resealed(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 61) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setInt32(8, bytes.length - 12);
  bytes[16] = 2;
  view.setUint32(CRC_AT, crc32c(bytes, CRC_START));
  return bytes;
}

/** A batch as a producer might send it: right, damaged, or damaged and sealed again. */
export function anyBatch(random: SeededRandom): Uint8Array {
  const bytes = makeBatch(random).bytes;
  if (random.below(6) === 0) return bytes;
  const mutated = mutate(random, bytes);
  return random.below(3) === 0 ? mutated : resealed(mutated);
}

function checkPlain(batch: RecordBatch, plain?: Uint8Array): void {
  const more = plain === undefined ? {} : { plain };
  const answer = validateProducedBatch(batch, { ...RECORDS_OPTIONS, ...more });
  validateProducedBatch(batch, { ...RECORDS_OPTIONS, ...more, requireKeys: true });
  const records = readRecords(batch, more);
  if (isRecordsFault(records)) {
    // What is taken from a producer must be readable afterwards.
    assert.ok(isBatchRefusal(answer), `A batch was accepted that cannot be read: ${records.fault}`);
    return;
  }
  if (!isBatchRefusal(answer)) assert.equal(records.length, batch.recordCount);
  for (let at = 1; at < records.length; at++) assert.ok(records[at]!.offset > records[at - 1]!.offset);
  const from = batch.baseOffset + 1;
  const later = readRecords(batch, { ...more, from, recordsMax: 1 });
  assert.ok(isRecordsFault(later) || later.length <= 1);
}

export const batches: FuzzTarget = {
  name: "batches",
  weight: 180,
  inputsPerSubject: 1_000_000,
  open: async () => ({
    make: anyBatch,
    check(input) {
      for (const verifyCrc of [true, false]) {
        const batch = parseRecordBatch(input, 0, { verifyCrc, batchBytesMax: BATCH_BYTES_MAX });
        if (isBatchFault(batch)) continue;
        assert.ok(batch.sizeBytes <= input.length);
        if (batch.codec === "none") checkPlain(batch);
        else if (batch.codec !== null) validateProducedBatch(batch, RECORDS_OPTIONS);
      }
    },
  }),
};

const CODECS: readonly Codec[] = ["gzip", "snappy", "lz4", "zstd"];

/** Compressed batches: the block is damaged, or says that it holds more than it may. */
export const compressedBatches: FuzzTarget = {
  name: "compressed_batches",
  weight: 12,
  inputsPerSubject: 100_000,
  async open() {
    const { compression } = currentPlatform({ memory: true });
    const chance = new SeededRandom(3);
    const good = await Promise.all(
      CODECS.flatMap((codec) => Array.from({ length: 6 }, () => compressBatch(makeBatch(chance), codec, compression))),
    );
    return {
      make(random) {
        const bytes = random.pick(good).bytes;
        if (random.below(5) === 0) return resealed(mutate(random, bytes));
        const block = mutate(random, bytes.subarray(61));
        const batch = new Uint8Array(61 + block.length);
        batch.set(bytes.subarray(0, 61));
        batch.set(block, 61);
        return resealed(batch);
      },
      async check(input) {
        const batch = parseRecordBatch(input, 0, { verifyCrc: true, batchBytesMax: BATCH_BYTES_MAX });
        if (isBatchFault(batch)) return;
        let plain: Uint8Array;
        try {
          plain = await openBatch(batch, compression, OPENED_BYTES_MAX);
        } catch (thrown) {
          return allowRefusals(thrown, ["corrupt_batch", "too_large"]);
        }
        assert.ok(plain.length <= Math.max(OPENED_BYTES_MAX, input.length), `${plain.length} bytes came out`);
        if (batch.codec === "none") checkPlain(batch);
        else checkPlain(batch, plain);
      },
    };
  },
};
