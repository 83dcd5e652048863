/** The seeds' commands as their users type them (facts 1.5, 1.6, 5): `scripts/` has what is typed and what must come. */
import { test } from "node:test";
import { runScript } from "./script_run.ts";
import { ownKind } from "./sentinel_command.ts";

test("seed-P1, seed-W5: the quick start", () => runScript("quick_start", ownKind));
test("seed-O1, seed-K5: what was there before a restart is there after it", () => runScript("restart", ownKind));
test("seed-C1, seed-P3, seed-P4: what is refused, with which words and exit code", () =>
  runScript("refusals", ownKind));
