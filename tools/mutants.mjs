/** `npm run mutants`: plants bugs one by one in a copy of the tree and lets the crash harness look for them. */
import { join } from "node:path";
import { runInForeground } from "./foreground.mjs";
import { BUN, ROOT } from "./paths.mjs";

export function mutants(args) {
  return runInForeground(BUN, [join(ROOT, "test/mutants/main.ts"), ...args]);
}
