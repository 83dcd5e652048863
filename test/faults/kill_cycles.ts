/** `kill -9` under load, again and again: what was acknowledged is there (facts T1, T2; design D3). */
import { setTimeout as pause } from "node:timers/promises";
import { makeTemporaryDirectory } from "../adapters/temporary_directory.ts";
import { BrokerProcess, startBroker } from "../processes/broker_process.ts";
import { compareTopics, Ledger } from "../processes/ledger.ts";
import { LOAD_TOPICS, makeLoadTopics, startLoad } from "../processes/load.ts";
import { SeededRandom } from "../seeded_random.ts";
import type { Fault, FaultFigures, FaultRun } from "./fault.ts";

/** A fresh directory after so many: each start compares all that is there, and that must stay quick. */
const CYCLES_PER_DIRECTORY = 10;
const RECORDS_MIN = 50;
const RECORDS_SPREAD = 500;
/** One cycle in so many also kills the next start, somewhere between the runtime's first step and the recovery's end. */
const KILLED_START_ONE_IN = 4;

/** A cycle: a start, the comparison with all before, load from seven producers over both faces, and the kill. */
export const killCycles: Fault = {
  name: "kill",
  summary: "kill -9 under load; every acknowledged record must be there after each start",
  cycles: 200,
  async run({ kind, cycles, seed, onProgress }: FaultRun): Promise<FaultFigures> {
    const random = new SeededRandom(seed);
    let acknowledged = 0;
    let killedStarts = 0;
    for (let done = 0; done < cycles;) {
      await using directory = await makeTemporaryDirectory();
      const ledger = new Ledger();
      const end = Math.min(cycles, done + CYCLES_PER_DIRECTORY);
      for (let isFirst = true; done < end; done++, isFirst = false) {
        if (!isFirst && random.below(KILLED_START_ONE_IN) === 0) {
          const starting = new BrokerProcess({ kind, dataPath: directory.path });
          await pause(random.below(150));
          await starting.kill();
          killedStarts += 1;
        }
        await using broker = await startBroker({ kind, dataPath: directory.path });
        if (isFirst) await makeLoadTopics(broker);
        else await compareTopics(broker, ledger, LOAD_TOPICS);
        const load = startLoad(broker, ledger, seed + done);
        await load.acknowledged(RECORDS_MIN + random.below(RECORDS_SPREAD));
        await broker.kill();
        await load.ended;
        onProgress(done + 1, `${acknowledged + ledger.acknowledgedCount} records acknowledged`);
      }
      await using broker = await startBroker({ kind, dataPath: directory.path });
      await compareTopics(broker, ledger, LOAD_TOPICS);
      acknowledged += ledger.acknowledgedCount;
    }
    return { kills: cycles, killedStarts, acknowledged, lost: 0 };
  },
};
