import { describeDisk } from "../conformance/disk.ts";
import { currentDisk, currentRuntime } from "./current.ts";
import { makeTemporaryDirectory } from "./temporary_directory.ts";

describeDisk(currentRuntime, async () => {
  const directory = await makeTemporaryDirectory();
  return { disk: currentDisk(), directory: directory.path, [Symbol.asyncDispose]: () => directory.remove() };
});

describeDisk(`${currentRuntime} with short writes`, async () => {
  const directory = await makeTemporaryDirectory();
  const disk = currentDisk({ writeBytesMax: 997 });
  return { disk, directory: directory.path, [Symbol.asyncDispose]: () => directory.remove() };
});
