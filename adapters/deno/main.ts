#!/usr/bin/env -S deno run -A
import { brokerParts } from "../../src/cli/broker_parts.ts";
import { runCli } from "../../src/cli/main.ts";
import { memoryDisk } from "../memory/disk.ts";
import { denoPlatform } from "./platform.ts";
import { denoTerminal } from "./terminal.ts";

const exitCode = await runCli(denoPlatform(), denoTerminal(), brokerParts(memoryDisk));
Deno.exit(exitCode);
