import { memoryDisk } from "../../../adapters/memory/disk.ts";
import { describeDisk } from "../../conformance/disk.ts";

describeDisk("memory", async () => {
  const disk = memoryDisk();
  await disk.makeDirectory("/data");
  return { disk, directory: "/data", [Symbol.asyncDispose]: () => Promise.resolve() };
});
