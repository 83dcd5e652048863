import { SimulatedDisk } from "../../../adapters/simulation/disk.ts";
import type { SimulatedDiskOptions } from "../../../adapters/simulation/disk.ts";
import { Volume } from "../../../adapters/simulation/volume.ts";
import { describeDisk } from "../../conformance/disk.ts";

const describe = (name: string, options: SimulatedDiskOptions): void =>
  describeDisk(name, async () => {
    const disk = new SimulatedDisk(new Volume(), options);
    await disk.makeDirectory("/data");
    return { disk, directory: "/data", [Symbol.asyncDispose]: () => Promise.resolve() };
  });

describe("simulation", {});
describe("simulation with short reads and writes", { pieceBytesMax: 997 });
