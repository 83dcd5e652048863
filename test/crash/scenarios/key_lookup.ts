import { KeyScript } from "../key_script.ts";
import type { Scenario } from "../scenario.ts";

const CHECK_MS = 1_000;
const TABLE = {
  "cleanup.policy": "compact",
  "segment.bytes": "500",
  "min.cleanable.dirty.ratio": "0",
  "delete.retention.ms": "0",
};

/**
 * Keys are looked up while records, tombstones, the cleaner and a trim come and go, and over a power loss. One topic
 * promises nothing beyond the process: its log may fall back behind its index. At the end one topic is deleted, and one
 * loses its policy.
 */
export const keyLookup: Scenario = { name: "key_lookup", prepare: (seed) => prepare(seed, TABLE) };

/** The same where the table itself lies in the node's tree: its syncs are the index's too, and the other log's are not. */
export const keyLookupLsm: Scenario = {
  name: "key_lookup_lsm",
  prepare: (seed) => prepare(seed, { ...TABLE, "storage.engine": "lsm" }),
};

function prepare(seed: number, table: Readonly<Record<string, string>>) {
  const script = new KeyScript(seed);
  const start = (): Promise<void> => script.start({ cleanerCheckMs: CHECK_MS });
  const run = async (): Promise<void> => {
    await start();
    await script.create("tables", 1, table);
    await script.createUnsafe("fast", { "cleanup.policy": "compact" });
    await script.put("tables", "a b c");
    script.beginCrashes();
    await script.lookUp("tables", "a d");
    await script.put("fast", "a b");
    await script.lookUp("fast", "a b c");
    await script.put("tables", "a b-");
    await Promise.all([
      script.lookUp("tables", "a b c"),
      script.put("fast", "a c"),
      script.put("tables", "d e"),
    ]);
    await script.put("tables", "c- d f");
    await script.put("tables", "a e");
    await script.awaitCleaning("tables", CHECK_MS);
    await script.lookUp("tables", "a b c d e f");
    await script.trim("tables", 2);
    script.losePower({ kind: "all-lost" });
    script.forget("fast");
    await start();
    await script.put("fast", "d a");
    await script.lookUp("fast", "a d");
    await script.put("tables", "b");
    await script.put("tables", "f-");
    await script.lookUp("tables", "f");
    await script.alter("fast", 1, { durability: "os" });
    await script.put("tables", "g");
    await script.delete("tables");
    await script.create("tables", 1, table);
    await script.put("tables", "a");
    await script.lookUp("tables", "a");
  };
  return { script, run };
}
