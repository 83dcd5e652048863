import { bitFlips } from "./bit_flips.ts";
import { descriptorLimit } from "./descriptor_limit.ts";
import type { Fault } from "./fault.ts";
import { fullExt4, fullTmpfs } from "./full_disk.ts";
import { fullStart } from "./full_start.ts";
import { syncErrors, writeErrors } from "./input_output_errors.ts";
import { idempotentKills } from "./idempotent_kills.ts";
import { killCycles } from "./kill_cycles.ts";

/** Everything that `npm run faults` can do to a broker. */
export const FAULTS: readonly Fault[] = [
  killCycles,
  idempotentKills,
  fullTmpfs,
  fullExt4,
  fullStart,
  writeErrors,
  syncErrors,
  descriptorLimit,
  bitFlips,
];
