/** A disk that runs full: refused is not stored, reads go on, and writes work again when there is room (design D3). */
import assert from "node:assert/strict";
import { startBroker } from "../processes/broker_process.ts";
import { compareTopics, Ledger } from "../processes/ledger.ts";
import { SeededRandom } from "../seeded_random.ts";
import type { Fault, FaultFigures, FaultRun } from "./fault.ts";
import { type FileSystemKind, mountSmallDisk } from "./small_disk.ts";
import { Writer } from "./writer.ts";

const DISK_MEBIBYTES = 12;
const TOPICS = ["one", "two"];
/** Refusals in a row after which the disk counts as full for small batches too. */
const REFUSALS = 20;
const REQUESTS_MAX = 4_000;

/** Sends to both topics until nothing is taken any more; how often it was refused. */
async function fill(writer: Writer, random: SeededRandom): Promise<number> {
  let refusals = 0;
  for (let request = 0, inRow = 0; inRow < REFUSALS; request++) {
    assert.ok(request < REQUESTS_MAX, "The disk does not fill");
    const chars = inRow > 0 ? 50 : random.pick([100, 5_000, 60_000]);
    const code = await writer.send(random.pick(TOPICS), 0, { count: 1 + random.below(4), chars });
    assert.ok(code === null || code === "storage_error", `Refused with ${code}`);
    inRow = code === null ? 0 : inRow + 1;
    if (code !== null) refusals += 1;
  }
  return refusals;
}

/** A cycle: filled, read, given room, written to, ended by a kill or a stop, started on the full disk, compared. */
function fullDisk(name: string, system: FileSystemKind): Fault {
  return {
    name,
    summary: `a full ${system}: nothing is acknowledged that is not there, reads go on, room brings writes back`,
    cycles: 20,
    async run({ kind, cycles, seed, onProgress }: FaultRun): Promise<FaultFigures> {
      const random = new SeededRandom(seed);
      let refusals = 0;
      let acknowledged = 0;
      for (let done = 0; done < cycles; done++) {
        await using disk = await mountSmallDisk(system, DISK_MEBIBYTES);
        const { dataPath } = disk;
        const ledger = new Ledger();
        {
          await using broker = await startBroker({ kind, dataPath });
          const writer = await Writer.open(broker, ledger);
          for (const topic of TOPICS) assert.equal(await writer.send(topic, 0), null);
          refusals += await fill(writer, random);
          await compareTopics(broker, ledger, TOPICS);
          await disk.release();
          for (const topic of TOPICS) {
            assert.equal(await writer.send(topic, 0, { chars: 10_000 }), null, "Room, and no");
          }
          refusals += await fill(writer, random);
          writer.close();
          if (done % 2 === 0) await broker.kill();
          else assert.deepEqual(await broker.stop(), { code: 0, signal: null }, broker.errors);
        }
        await using again = await startBroker({ kind, dataPath });
        await compareTopics(again, ledger, TOPICS);
        await again.kill();
        acknowledged += ledger.acknowledgedCount;
        onProgress(done + 1, `${refusals} refusals`);
      }
      return { cycles, refusals, acknowledged, lost: 0 };
    },
  };
}

export const fullTmpfs: Fault = fullDisk("enospc", "tmpfs");
export const fullExt4: Fault = fullDisk("enospc-ext4", "ext4");
