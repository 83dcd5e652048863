/**
 * A broker that was stopped cleanly and finds a disk without a byte of room: it starts, serves what is there, refuses
 * writes, may be stopped and started again, and takes writes when there is room (design D3, D16). Both engines.
 */
import assert from "node:assert/strict";
import { type BrokerProcess, startBroker } from "../processes/broker_process.ts";
import { compareTopics, Ledger } from "../processes/ledger.ts";
import { SeededRandom } from "../seeded_random.ts";
import type { Fault, FaultFigures, FaultRun } from "./fault.ts";
import { type FileSystemKind, mountSmallDisk } from "./small_disk.ts";
import { Writer } from "./writer.ts";

/** Room for the tree's memtable and log beside the segments. */
const DISK_MEBIBYTES = 40;
const TOPICS = { "segments": "log", "tree": "lsm" } as const;
const NAMES = Object.keys(TOPICS);
const FULL_STARTS = 2;
const SYSTEMS: readonly FileSystemKind[] = ["tmpfs", "ext4"];

export const fullStart: Fault = {
  name: "enospc-start",
  summary: "a start on a disk without any room, tmpfs and ext4: everything is read, writes come back with room",
  cycles: 4,
  async run({ kind, cycles, seed, onProgress }: FaultRun): Promise<FaultFigures> {
    const random = new SeededRandom(seed);
    let acknowledged = 0;
    for (let done = 0; done < cycles; done++) {
      await using disk = await mountSmallDisk(SYSTEMS[done % SYSTEMS.length]!, DISK_MEBIBYTES);
      const { dataPath } = disk;
      const ledger = new Ledger();
      {
        await using broker = await startBroker({ kind, dataPath });
        await makeTopics(broker);
        await write(broker, ledger, random, null);
        await stop(broker);
      }
      await disk.fill();
      for (let start = 0; start < FULL_STARTS; start++) {
        await using broker = await startBroker({ kind, dataPath });
        await compareTopics(broker, ledger, NAMES);
        await write(broker, ledger, random, "storage_error");
        await compareTopics(broker, ledger, NAMES);
        if (start === FULL_STARTS - 1) {
          await disk.release();
          await write(broker, ledger, random, null);
        }
        await stop(broker);
      }
      await using again = await startBroker({ kind, dataPath });
      await compareTopics(again, ledger, NAMES);
      await again.kill();
      acknowledged += ledger.acknowledgedCount;
      onProgress(done + 1, `${acknowledged} records acknowledged`);
    }
    return { cycles, acknowledged, lost: 0 };
  },
};

async function makeTopics(broker: BrokerProcess): Promise<void> {
  const client = await broker.connect();
  for (const [name, engine] of Object.entries(TOPICS)) {
    await client.createTopic(name, { partitions: 1, config: { "storage.engine": engine } });
  }
  client.close();
}

/** Records to each topic, each of which is answered so. Large ones: a file's last block may have room for a small one. */
async function write(broker: BrokerProcess, ledger: Ledger, random: SeededRandom, expected: string | null) {
  const writer = await Writer.open(broker, ledger);
  for (const name of NAMES) {
    for (let time = 0; time < 5; time++) {
      assert.equal(await writer.send(name, 0, { chars: 100_000 + random.below(1_000) }), expected, name);
    }
  }
  writer.close();
}

async function stop(broker: BrokerProcess): Promise<void> {
  assert.deepEqual(await broker.stop(), { code: 0, signal: null }, broker.errors);
}
