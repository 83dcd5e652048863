/** One simulated process's machine room, put together from the parts of its world. */
import { PlatformError } from "../../src/base/errors.ts";
import type { HttpServer } from "../../src/platform/http_server.ts";
import type { Platform } from "../../src/platform/platform.ts";
import { SimulatedClock } from "./clock.ts";
import { simulatedCompression } from "./compression.ts";
import { SimulatedDisk } from "./disk.ts";
import type { DiskEffect } from "./disk.ts";
import type { SimulatedHost, SimulatedNetworks } from "./network.ts";
import type { SimulatedRandom } from "./random.ts";
import type { ScheduledPace } from "./scheduled_pace.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Volume } from "./volume.ts";

/** HTTP is simulated below its app: web streams wake their readers in another order on each runtime. */
export const noHttpServer: HttpServer = {
  listen: (address) =>
    Promise.reject(
      new PlatformError("address_not_available", "listen on", `${address.host}:${address.port}`, {
        detail: "the simulation has no HTTP server",
      }),
    ),
};

export interface ProcessParts {
  readonly scheduler: Scheduler;
  readonly networks: SimulatedNetworks;
  readonly hostName: string;
  readonly volume: Volume;
  readonly pace: ScheduledPace;
  readonly random: SimulatedRandom;
  readonly pieceBytesMax: number;
  readonly onEffect: (effect: DiskEffect) => void;
}

export interface SimulatedProcess {
  readonly platform: Platform;
  readonly disk: SimulatedDisk;
  readonly clock: SimulatedClock;
  readonly host: SimulatedHost;
  /** The end of the process: what it waits for never comes, what it holds is free. */
  halt(noticeUs: number): void;
}

/** A process that starts now. */
export function startProcess(parts: ProcessParts): SimulatedProcess {
  const { scheduler, networks, pace, pieceBytesMax, onEffect } = parts;
  const disk = new SimulatedDisk(parts.volume, { pace, pieceBytesMax, onEffect });
  const clock = new SimulatedClock(scheduler);
  const host = networks.host(parts.hostName);
  const platform: Platform = {
    runtime: "simulation",
    clock,
    compression: simulatedCompression,
    disk,
    httpServer: noHttpServer,
    network: host,
    random: parts.random,
  };
  return {
    platform,
    disk,
    clock,
    host,
    halt(noticeUs) {
      disk.halt();
      clock.halt();
      host.halt(noticeUs);
    },
  };
}
