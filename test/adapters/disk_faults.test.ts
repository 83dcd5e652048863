import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { fileURLToPath } from "node:url";
import { describeDiskFaults } from "../conformance/disk_faults.ts";
import { currentDisk, currentRuntime } from "./current.ts";

const binary = (path: string): string => fileURLToPath(new URL(`../../node_modules/${path}`, import.meta.url));

describeDiskFaults(currentRuntime, {
  makeDisk: currentDisk,
  occupyThread(fifo) {
    execFileSync("mkfifo", [fifo]);
    // Opening a FIFO for reading waits in the kernel until somebody opens it for writing.
    fs.open(fifo, "r", (_, descriptor) => fs.closeSync(descriptor));
    return () => fs.closeSync(fs.openSync(fifo, "w"));
  },
  // Not the links in `.bin`: Deno's is a Node program, whose death does not end Deno.
  runtimes: [[binary("bun/bin/bun.exe")], [binary("deno/deno"), "run", "-A", "--no-check"]],
});
