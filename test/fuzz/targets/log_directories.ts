/** A log's directory with one damaged file: scanned, recovered and read, it gives true batches or says what is damaged. */
import assert from "node:assert/strict";
import { scanSegment } from "../../../src/storage/log/scan_segment.ts";
import { RecordBatch } from "../../../src/records/record_batch.ts";
import { FaultyDisk } from "../../storage/faulty_disk.ts";
import { batchOf, DIRECTORY, newLog, openLog, readAll } from "../../storage/log_fixture.ts";
import type { FuzzTarget } from "../fuzz_target.ts";
import { mutate } from "../mutation.ts";
import { refusalsAllowed } from "./documented_errors.ts";

const SETTINGS = { segmentBytes: 600, indexIntervalBytes: 150 };
const BATCHES = 12;

interface WholeLog {
  readonly files: readonly (readonly [string, Uint8Array])[];
  /** Every stored batch, as text. */
  readonly batches: ReadonlySet<string>;
}

function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/**
 * A batch without its leader epoch: above the recovery point no checkpoint tells of epochs, and no checksum covers them
 * (design D3); a changed one passes there for a new one.
 */
function withoutEpoch(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy.fill(0, 12, 16);
  return copy;
}

/** Several segments; stopped cleanly, or left as a kill leaves it. */
async function makeLog(isClean: boolean): Promise<WholeLog> {
  const disk = new FaultyDisk();
  await disk.makeDirectory("/data");
  const log = await newLog(disk, SETTINGS);
  for (let seed = 0; seed < BATCHES; seed++) {
    log.appendAsLeader(batchOf(seed, { records: 2 }), seed < 6 ? 0 : 1);
    await log.flush();
  }
  if (isClean) await log.close();
  const names = await disk.list(DIRECTORY);
  const files = names.map((name): [string, Uint8Array] => [name, disk.bytesOf(`${DIRECTORY}/${name}`).slice()]);
  const batches = new Set<string>();
  for (const [name, bytes] of files) {
    if (!name.endsWith(".log")) continue;
    for (let at = 0; at < bytes.length;) {
      const sizeBytes = new DataView(bytes.buffer, bytes.byteOffset).getInt32(at + 8) + 12;
      const batch = bytes.subarray(at, at + sizeBytes);
      batches.add(textOf(isClean ? batch : withoutEpoch(batch)));
      at += sizeBytes;
    }
  }
  return { files, batches };
}

/** The first byte chooses the log, the second the file; the rest is what that file holds now. */
export const logDirectories: FuzzTarget = {
  name: "log_directories",
  weight: 4,
  inputsPerSubject: 5_000,
  async open() {
    const logs = [await makeLog(true), await makeLog(false)];
    return {
      make(random) {
        const log = random.below(2);
        const { files } = logs[log]!;
        const file = random.below(files.length);
        return Uint8Array.from([log, file, ...mutate(random, files[file]![1])]);
      },
      async check(input) {
        const which = (input[0] ?? 0) % 2;
        const { files, batches } = logs[which]!;
        const damaged = (input[1] ?? 0) % files.length;
        const disk = new FaultyDisk();
        await disk.makeDirectory(DIRECTORY);
        files.forEach(([name, bytes], at) => disk.put(`${DIRECTORY}/${name}`, at === damaged ? input.slice(2) : bytes));
        const openAndRead = async (): Promise<void> => {
          const { log } = await openLog(disk, SETTINGS);
          try {
            for (const batch of await readAll(log)) {
              const bytes = which === 0 ? batch.bytes : withoutEpoch(batch.bytes);
              assert.ok(batches.has(textOf(bytes)), `A batch is served that nobody stored: ${batch.baseOffset}`);
            }
          } finally {
            await log.close();
          }
        };
        await refusalsAllowed(openAndRead(), ["storage_error"]);
      },
    };
  },
};

/** One segment's bytes, in pieces of a size that cuts batches. */
export const segments: FuzzTarget = {
  name: "segments",
  weight: 24,
  inputsPerSubject: 100_000,
  async open() {
    const batches = [0, 1, 2, 3].map((seed) => batchOf(seed, { records: 2 }));
    for (const [at, batch] of batches.entries()) batch.stamp(at * 2, 0);
    const whole = Uint8Array.from(batches.flatMap((batch) => [...batch.bytes]));
    const disk = new FaultyDisk();
    disk.put("/segment", whole);
    const file = await disk.open("/segment", "read");
    return {
      make: (random) => mutate(random, whole),
      async check(input) {
        disk.put("/segment", input);
        const opened = await disk.open("/segment", "read");
        let next = 0;
        const end = await scanSegment(
          opened,
          { from: 0, to: input.length, expectedOffset: 0, epochMin: -1, contiguous: true, pieceBytes: 100 },
          (batch, position) => {
            assert.ok(batch instanceof RecordBatch && batch.hasValidCrc() && batch.baseOffset === next);
            assert.ok(position + batch.sizeBytes <= input.length);
            next = batch.endOffset;
            return null;
          },
        );
        await opened.close();
        assert.ok(end.position <= input.length && (end.fault !== null || end.position === input.length));
      },
      close: () => file.close(),
    };
  },
};
