#!/usr/bin/env bun
import { runCli } from "../../src/cli/main.ts";
import { memoryDisk } from "../memory/disk.ts";
import { bunPlatform } from "./platform.ts";
import { bunTerminal } from "./terminal.ts";

const exitCode = await runCli(bunPlatform(), bunTerminal(), { makeMemoryDisk: memoryDisk });
process.exit(exitCode);
