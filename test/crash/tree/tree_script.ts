/** A scenario's script over one LSM tree, and the ledger of what its writers were told. */
import type { PowerLoss } from "../../../adapters/simulation/power_loss.ts";
import { afterPowerLoss } from "../../../adapters/simulation/power_loss.ts";
import { SimulatedRandom } from "../../../adapters/simulation/random.ts";
import { ScheduledPace } from "../../../adapters/simulation/scheduled_pace.ts";
import { Scheduler } from "../../../adapters/simulation/scheduler.ts";
import { Volume } from "../../../adapters/simulation/volume.ts";
import type { Platform } from "../../../src/platform/platform.ts";
import { LsmStore } from "../../../src/storage/lsm/lsm_store.ts";
import type { TreeSettings } from "../../../src/storage/lsm/tree_settings.ts";
import { WriteBatch } from "../../../src/storage/write_batch.ts";
import { CrashPointRecorder } from "../crash_point.ts";
import { type CrashProcess, startCrashProcess } from "../crash_process.ts";

export const TREE_PATH = "/data/tree";
const IDENTITY = Uint8Array.from({ length: 16 }, (_, index) => 3 * index);
const TIMING = { cachedUs: 20, syncUs: 400, stallOneIn: 40, stallUs: 3_000 };
const SETTINGS: Partial<TreeSettings> = {
  memtableBytes: 4_096,
  tableBytes: 4_096,
  levelBytesBase: 8_192,
  levelMultiplier: 2,
  level0Trigger: 2,
  // No cache: what is read must come from the files.
  blockCacheBytes: 0,
};

/** One change of the store: a value, or null for a key that goes. */
export type Changes = Readonly<Record<string, string | null>>;
export type Pairs = Readonly<Record<string, string>>;

export type TreeEvent =
  | { readonly kind: "asked"; readonly number: number; readonly changes: Changes }
  /** The writes with these numbers were promised. */
  | { readonly kind: "durable"; readonly numbers: readonly number[] }
  | { readonly kind: "refused"; readonly number: number };

/** With the directory above it, as its owner makes that at each start. */
export async function openTree(platform: Platform, settings: Partial<TreeSettings>): Promise<LsmStore> {
  const { disk, clock } = platform;
  await disk.makeDirectory("/data");
  await disk.syncDirectory("/");
  return await LsmStore.open({ disk, clock, directory: TREE_PATH, identity: IDENTITY }, { ...SETTINGS, ...settings });
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

export class TreeScript {
  readonly ledger: TreeEvent[] = [];
  readonly scheduler = new Scheduler();
  readonly recorder = new CrashPointRecorder(this.ledger);
  readonly random: SimulatedRandom;
  readonly settings: Partial<TreeSettings>;
  volume = new Volume();
  store!: LsmStore;
  #process: CrashProcess | null = null;
  #starts = 0;
  #asked = 0;

  constructor(seed: number, settings: Partial<TreeSettings>) {
    this.random = new SimulatedRandom(seed);
    this.settings = settings;
  }

  get process(): CrashProcess {
    return this.#process!;
  }

  /** A new process over what the last one left. */
  async start(): Promise<void> {
    this.#starts += 1;
    const { volume, scheduler } = this;
    this.#process = startCrashProcess(volume, {
      scheduler,
      random: this.random.stream(`process ${this.#starts}`),
      pace: new ScheduledPace(scheduler, this.random.stream(`disk ${this.#starts}`), TIMING),
      onEffect: (effect) => this.recorder.note(effect, volume),
    });
    this.store = await openTree(this.#process.platform, this.settings);
  }

  beginCrashes(): void {
    this.recorder.isOn = true;
  }

  kill(): void {
    this.process.halt();
    this.recorder.endPoint();
  }

  losePower(loss: PowerLoss): void {
    this.kill();
    this.volume = afterPowerLoss(this.volume, loss);
  }

  async pass(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => void this.scheduler.after(delayMs * 1_000, "pass", resolve));
  }

  /** One write; in mode `always` its answer is a promise. A refusal is noted and goes no further. */
  async write(changes: Changes): Promise<void> {
    const number = this.#asked++;
    this.ledger.push({ kind: "asked", number, changes });
    const batch = new WriteBatch();
    for (const [key, value] of Object.entries(changes)) {
      if (value === null) batch.delete(encode(key));
      else batch.put(encode(key), encode(value));
    }
    try {
      await this.store.write(batch);
      if (this.settings.syncMode === "always") this.ledger.push({ kind: "durable", numbers: [number] });
    } catch {
      this.ledger.push({ kind: "refused", number });
    }
  }

  put(key: string, valueBytes = 150): Promise<void> {
    return this.write({ [key]: `${key} ${this.#asked} `.padEnd(valueBytes, "v") });
  }

  /** What was asked before is durable afterwards. */
  async sync(): Promise<void> {
    const numbers = Array.from({ length: this.#asked }, (_, number) => number);
    await this.store.sync();
    this.ledger.push({ kind: "durable", numbers });
  }

  async close(): Promise<void> {
    const numbers = Array.from({ length: this.#asked }, (_, number) => number);
    await this.store.close();
    this.ledger.push({ kind: "durable", numbers });
    this.recorder.endPoint();
  }
}
