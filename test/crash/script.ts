/** What every scenario's script has: a disk, time, chance, and the ledger of what clients were told. */
import { afterPowerLoss } from "../../adapters/simulation/power_loss.ts";
import type { PowerLoss } from "../../adapters/simulation/power_loss.ts";
import { SimulatedRandom } from "../../adapters/simulation/random.ts";
import { ScheduledPace } from "../../adapters/simulation/scheduled_pace.ts";
import { Scheduler } from "../../adapters/simulation/scheduler.ts";
import { Volume } from "../../adapters/simulation/volume.ts";
import type { RecordInput } from "../../src/records/record.ts";
import { CrashPointRecorder } from "./crash_point.ts";
import { startCrashProcess } from "./crash_process.ts";
import type { CrashProcess } from "./crash_process.ts";
import type { LedgerEvent } from "./ledger.ts";
import type { Observed } from "./observed.ts";

export type Ledger = LedgerEvent[];

/** Syncs are slow beside writes, so that several writes wait for one sync, as on a real disk. */
const TIMING = { cachedUs: 20, syncUs: 400, stallOneIn: 40, stallUs: 3_000 };
/** The records' own times: around it, out of order. */
const RECORD_TIME_MS = 1_767_225_600_000;

export class Script {
  readonly ledger: Ledger = [];
  readonly random: SimulatedRandom;
  readonly scheduler = new Scheduler();
  readonly recorder: CrashPointRecorder;
  volume = new Volume();
  #process: CrashProcess | null = null;
  #starts = 0;
  #recordNumber = 0;

  constructor(seed: number) {
    this.random = new SimulatedRandom(seed);
    this.recorder = new CrashPointRecorder(this.ledger);
  }

  /** The running process. */
  get process(): CrashProcess {
    if (this.#process === null) throw new Error("No process is running");
    return this.#process;
  }

  startProcess(): CrashProcess {
    this.#starts += 1;
    const { volume, scheduler } = this;
    this.#process = startCrashProcess(volume, {
      scheduler,
      random: this.random.stream(`process ${this.#starts}`),
      pace: new ScheduledPace(scheduler, this.random.stream(`disk ${this.#starts}`), TIMING),
      onEffect: (effect) => this.recorder.note(effect, volume),
    });
    return this.#process;
  }

  /** The process dies; the page cache lives on. */
  kill(): void {
    this.process.halt();
    this.recorder.endPoint();
  }

  /** The process and the page cache die. */
  losePower(loss: PowerLoss): void {
    this.kill();
    this.volume = afterPowerLoss(this.volume, loss);
  }

  /** From now on every effect is a crash point. */
  beginCrashes(): void {
    this.recorder.isOn = true;
  }

  /** Lets time pass. */
  async pass(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => void this.scheduler.after(delayMs * 1_000, "pass", resolve));
  }

  /** What was seen by somebody is promised: it must be there after every later crash. */
  noteSeen(observed: Observed, incarnationOf: (topic: string) => number): void {
    for (const { name, partitions } of observed.topics) {
      for (const { partition, start, records } of partitions) {
        const place = { incarnation: incarnationOf(name), partition };
        this.ledger.push({ kind: "read", place, first: start, digests: records.map(({ digest }) => digest) });
        this.ledger.push({ kind: "start told", place, offset: start });
      }
    }
  }

  /** Records that differ from all others in every part that they have. */
  records(connection: string, count: number, valueBytes: number): RecordInput[] {
    return Array.from({ length: count }, (): RecordInput => {
      const number = ++this.#recordNumber;
      const value = `${connection}-${number}-`.padEnd(valueBytes, String(number));
      const isPlain = number % 3 === 0;
      return {
        key: isPlain ? null : encode(`key ${number}`),
        value: encode(value),
        headers: isPlain ? [] : [{ key: "number", value: encode(String(number)) }, { key: "none", value: null }],
        timestamp: RECORD_TIME_MS + number * 10 - this.random.below(50),
      };
    });
  }
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
