import type { Script } from "./script.ts";
import type { OpensSubject } from "./subject.ts";

import type { StorageEngine } from "../../src/cluster/partition_store.ts";

/** A script of operations; it is run once, and crashed after each of its effects. */
export interface Scenario {
  readonly name: string;
  /**
   * A script that has not begun. The seed decides which answers of the disk overtake others; `engine` says how its topics
   * are stored, where it is about a whole broker.
   */
  readonly prepare: (seed: number, engine?: StorageEngine) => PreparedScenario;
}

export interface PreparedScenario {
  readonly script: Script & { readonly opens: OpensSubject };
  readonly run: () => Promise<void>;
}
