import { LogScript } from "../log_script.ts";
import { type LogHost, SEGMENTS_HOST } from "../log_subject.ts";
import type { Scenario } from "../scenario.ts";
import { treeLogHost } from "../tree/tree_log_host.ts";

const DELETE_RETENTION_MS = 1_000;

/** Passes of the cleaner: over dirty segments, over cleaned ones, with appends, a trim and a truncation beside them. */
function compactOver(name: string, host: LogHost): Scenario {
  const prepare: Scenario["prepare"] = (seed) => {
    const compaction = {
      deleteRetentionMs: DELETE_RETENTION_MS,
      dirtyRatioMin: 0,
      lagMsMin: 0,
      lagMsMax: Number.MAX_SAFE_INTEGER,
    };
    const script = new LogScript(seed, { segmentBytes: 700, compaction }, host);
    const append = async (epoch: number, ...batches: string[]): Promise<void> => {
      for (const [at, keys] of batches.entries()) await script.appendKeyed(epoch, keys, { isCompressed: at % 3 === 2 });
    };
    const run = async (): Promise<void> => {
      await script.make();
      await append(0, "a b", "b c", "a", "b-", "c a", "d", "e-", "a b");
      script.beginCrashes();
      await append(1, "c", "d e", "b", "a");
      // Far below the end: what only a record above the bound supersedes must stay.
      await script.clean(0, 6);
      const cleaning = script.clean(DELETE_RETENTION_MS / 2, script.log.endOffset);
      await append(1, "f", "a-", "c", "f", "a");
      await cleaning;
      await script.clean(DELETE_RETENTION_MS, script.log.endOffset, true);
      await append(2, "b", "c-", "d", "e");
      // Cut above what is compacted, while a pass is under way: it steps aside.
      const last = script.log.endOffset;
      const another = script.clean(2 * DELETE_RETENTION_MS, last - 2, true);
      await script.truncate(last - 1);
      await another;
      await append(3, "a", "b", "g", "g");
      await script.clean(3 * DELETE_RETENTION_MS, script.log.endOffset, true);
      await script.trim(4);
      await append(3, "a", "g");
      await script.close();
    };
    return { script, run };
  };
  return { name, prepare };
}

export const compact = compactOver("compact", SEGMENTS_HOST);
export const treeLogCompact = compactOver("tree_log_compact", treeLogHost({ syncMode: "always" }));
