/** A process over a simulated volume, as the crash scenarios start it: disk, clock and chance, and no network. */
import { SimulatedClock } from "../../adapters/simulation/clock.ts";
import { simulatedCompression } from "../../adapters/simulation/compression.ts";
import { SimulatedDisk } from "../../adapters/simulation/disk.ts";
import type { DiskEffect } from "../../adapters/simulation/disk.ts";
import type { DiskPace } from "../../adapters/simulation/disk_pace.ts";
import { immediateMacrotask } from "../../adapters/simulation/macrotask.ts";
import { noHttpServer } from "../../adapters/simulation/platform.ts";
import { SimulatedRandom } from "../../adapters/simulation/random.ts";
import { Scheduler } from "../../adapters/simulation/scheduler.ts";
import type { Volume } from "../../adapters/simulation/volume.ts";
import { PlatformError } from "../../src/base/errors.ts";
import type { Network } from "../../src/platform/network.ts";
import type { Platform } from "../../src/platform/platform.ts";

/** Macrotasks that work without a scheduler gets: it waits for nothing but microtasks, so more would not help it. */
const MACROTASKS_MAX = 50;
/** Virtual time after which work is taken for stuck. */
const STUCK_US = 600_000_000;

const refuse = (): Promise<never> =>
  Promise.reject(new PlatformError("address_not_available", "connect", "nowhere", { detail: "there is no network" }));
const noNetwork: Network = { listen: refuse, connect: refuse };

export interface CrashProcess {
  readonly platform: Platform;
  readonly disk: SimulatedDisk;
  halt(): void;
}

export interface CrashProcessOptions {
  readonly scheduler?: Scheduler;
  readonly random?: SimulatedRandom;
  readonly pace?: DiskPace;
  readonly onEffect?: (effect: DiskEffect) => void;
}

/** Without a pace the disk answers at once, and no time passes. */
export function startCrashProcess(volume: Volume, options: CrashProcessOptions = {}): CrashProcess {
  const { pace, onEffect } = options;
  const disk = new SimulatedDisk(volume, {
    ...(pace === undefined ? {} : { pace }),
    ...(onEffect === undefined ? {} : { onEffect }),
  });
  const clock = new SimulatedClock(options.scheduler ?? new Scheduler());
  const platform: Platform = {
    runtime: "crash harness",
    clock,
    compression: simulatedCompression,
    disk,
    httpServer: noHttpServer,
    network: noNetwork,
    random: options.random ?? new SimulatedRandom(1),
  };
  return {
    platform,
    disk,
    halt() {
      disk.halt();
      clock.halt();
    },
  };
}

interface Watched<Result> {
  outcome: { readonly value: Result } | { readonly thrown: unknown } | null;
}

function watch<Result>(work: Promise<Result>): Watched<Result> {
  const watched: Watched<Result> = { outcome: null };
  work.then((value) => watched.outcome = { value }, (thrown: unknown) => watched.outcome = { thrown });
  return watched;
}

function resultOf<Result>({ outcome }: Watched<Result>): Result {
  if (outcome === null) throw new Error("It waits for something that never comes");
  if ("thrown" in outcome) throw outcome.thrown;
  return outcome.value;
}

/** The result of work on a disk that answers at once; fails when it waits for what cannot come. */
export async function settled<Result>(work: Promise<Result>): Promise<Result> {
  const watched = watch(work);
  for (let turn = 0; turn < MACROTASKS_MAX && watched.outcome === null; turn++) await immediateMacrotask();
  return resultOf(watched);
}

/** Runs a scheduler's events until the work is done. */
export async function drive<Result>(scheduler: Scheduler, work: Promise<Result>): Promise<Result> {
  const watched = watch(work);
  const endUs = scheduler.nowUs + STUCK_US;
  await immediateMacrotask();
  await scheduler.run(immediateMacrotask, () => watched.outcome !== null || scheduler.nowUs > endUs);
  return resultOf(watched);
}
