import { SimulatedDisk } from "../../../adapters/simulation/disk.ts";
import { immediateMacrotask } from "../../../adapters/simulation/macrotask.ts";
import { SimulatedRandom } from "../../../adapters/simulation/random.ts";
import { ScheduledPace } from "../../../adapters/simulation/scheduled_pace.ts";
import { runLive, Scheduler } from "../../../adapters/simulation/scheduler.ts";
import { Volume } from "../../../adapters/simulation/volume.ts";
import { describeDisk } from "../../conformance/disk.ts";

describeDisk("simulation in virtual time", async () => {
  const scheduler = new Scheduler();
  runLive(scheduler, immediateMacrotask);
  const timing = { cachedUs: 20, syncUs: 2_000, stallOneIn: 50, stallUs: 1_000_000 };
  const pace = new ScheduledPace(scheduler, new SimulatedRandom(1).stream("disk"), timing);
  const disk = new SimulatedDisk(new Volume(), { pace, pieceBytesMax: 100_000 });
  await disk.makeDirectory("/data");
  return { disk, directory: "/data", [Symbol.asyncDispose]: () => Promise.resolve() };
});
