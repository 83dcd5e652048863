#!/usr/bin/env bun
import { brokerParts } from "../../src/cli/broker_parts.ts";
import { runCli } from "../../src/cli/main.ts";
import { memoryDisk } from "../memory/disk.ts";
import { bunPlatform } from "./platform.ts";
import { bunTerminal } from "./terminal.ts";

const exitCode = await runCli(bunPlatform(), bunTerminal(), brokerParts(memoryDisk));
process.exit(exitCode);
