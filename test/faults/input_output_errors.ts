/** EIO on write and on fsync: that partition takes no more than is true, all others go on, a restart mends it (design D3). */
import assert from "node:assert/strict";
import { join } from "node:path";
import { makeTemporaryDirectory } from "../adapters/temporary_directory.ts";
import { type BrokerProcess, startBroker } from "../processes/broker_process.ts";
import { compareTopics, Ledger } from "../processes/ledger.ts";
import { SeededRandom } from "../seeded_random.ts";
import type { Fault, FaultFigures, FaultRun } from "./fault.ts";
import { failCalls, type FailingCall } from "./system_call_fault.ts";
import { Writer } from "./writer.ts";

const TOPICS = ["hit", "spared"];
const SEGMENT = "00000000000000000000.log";

/** Sends to both while the calls of one fail; how often that one refused. */
async function sendThroughFault(broker: BrokerProcess, ledger: Ledger, random: SeededRandom): Promise<number> {
  const hit = await Writer.open(broker, ledger);
  const spared = await Writer.open(broker, ledger);
  let refusals = 0;
  for (let request = 0; request < 6; request++) {
    const [code, other] = await Promise.all([
      hit.send("hit", 0, { count: 1 + random.below(5), mayBeStored: true }),
      spared.send("spared", 0, { count: 1 + random.below(5) }),
    ]);
    assert.equal(code, "storage_error", "A record was acknowledged whose bytes the disk refused");
    assert.equal(other, null, "Another partition's disk works, and it was refused");
    refusals += 1;
  }
  hit.close();
  spared.close();
  return refusals;
}

function inputOutputErrors(name: string, calls: FailingCall): Fault {
  return {
    name,
    summary:
      `EIO on every ${calls} of one partition's segment: refused there, acknowledged elsewhere, whole after a restart`,
    cycles: 20,
    async run({ kind, cycles, seed, onProgress }: FaultRun): Promise<FaultFigures> {
      const random = new SeededRandom(seed);
      let refusals = 0;
      let failedCalls = 0;
      let acknowledged = 0;
      for (let done = 0; done < cycles; done++) {
        await using directory = await makeTemporaryDirectory();
        const ledger = new Ledger();
        {
          await using broker = await startBroker({ kind, dataPath: directory.path });
          const writer = await Writer.open(broker, ledger);
          for (let request = 0; request < 10; request++) {
            for (const topic of TOPICS) assert.equal(await writer.send(topic, 0, { count: 1 + random.below(9) }), null);
          }
          await using fault = await failCalls(broker.pid, calls, join(directory.path, "hit-0", SEGMENT));
          refusals += await sendThroughFault(broker, ledger, random);
          assert.ok(fault.failedCount > 0, "No call failed, so nothing was proved");
          failedCalls += fault.failedCount;
          await fault.end();
          // Never again until a restart, although the disk works: what the page cache holds need not be on the disk.
          if (calls === "sync") assert.equal(await writer.send("hit", 0, { mayBeStored: true }), "storage_error");
          // Reads of what is durable go on.
          await compareTopics(broker, ledger, TOPICS, { mayBeOffline: true });
          assert.equal(broker.hasExited, false);
          writer.close();
          if (done % 2 === 0) await broker.kill();
          else await broker.stop();
        }
        await using again = await startBroker({ kind, dataPath: directory.path });
        await compareTopics(again, ledger, TOPICS);
        const writer = await Writer.open(again, ledger);
        for (const topic of TOPICS) {
          assert.equal(await writer.send(topic, 0), null, "It does not write after a restart");
        }
        writer.close();
        await compareTopics(again, ledger, TOPICS);
        await again.kill();
        acknowledged += ledger.acknowledgedCount;
        onProgress(done + 1, `${refusals} refusals, ${failedCalls} failed calls`);
      }
      return { cycles, refusals, failedCalls, acknowledged, lost: 0 };
    },
  };
}

export const writeErrors: Fault = inputOutputErrors("eio-write", "write");
export const syncErrors: Fault = inputOutputErrors("eio-sync", "sync");
