import type { Script } from "./script.ts";
import type { OpensSubject } from "./subject.ts";

/** A script of operations; it is run once, and crashed after each of its effects. */
export interface Scenario {
  readonly name: string;
  /** A script that has not begun. The seed decides which answers of the disk overtake others. */
  readonly prepare: (seed: number) => PreparedScenario;
}

export interface PreparedScenario {
  readonly script: Script & { readonly opens: OpensSubject };
  readonly run: () => Promise<void>;
}
