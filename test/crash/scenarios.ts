import type { Scenario } from "./scenario.ts";
import { cleanStop } from "./scenarios/clean_stop.ts";
import { compact, treeLogCompact } from "./scenarios/compact.ts";
import { engines } from "./scenarios/engines.ts";
import { failedSync } from "./scenarios/failed_sync.ts";
import { fullDisk } from "./scenarios/full_disk.ts";
import { idempotentCutBack } from "./scenarios/idempotent_cut_back.ts";
import { idempotentProduce } from "./scenarios/idempotent_produce.ts";
import { idempotencyKey } from "./scenarios/idempotency_key.ts";
import { ifMatch } from "./scenarios/if_match.ts";
import { keyLookup, keyLookupLsm } from "./scenarios/key_lookup.ts";
import { metadataSnapshot } from "./scenarios/metadata_snapshot.ts";
import { offsetCommits } from "./scenarios/offset_commits.ts";
import { produce } from "./scenarios/produce.ts";
import { recovery } from "./scenarios/recovery.ts";
import { retention } from "./scenarios/retention.ts";
import { roll } from "./scenarios/roll.ts";
import { topicChange } from "./scenarios/topic_change.ts";
import { topicCreate } from "./scenarios/topic_create.ts";
import { topicDelete } from "./scenarios/topic_delete.ts";
import { treeLogCuts } from "./scenarios/tree_log_cuts.ts";
import { treeLogRecovery } from "./scenarios/tree_log_recovery.ts";
import { treeLogTrim } from "./scenarios/tree_log_trim.ts";
import { trim } from "./scenarios/trim.ts";
import { trimAfterCleanStop } from "./scenarios/trim_after_clean_stop.ts";
import { truncate } from "./scenarios/truncate.ts";

export const SCENARIOS: readonly Scenario[] = [
  produce,
  roll,
  truncate,
  trim,
  trimAfterCleanStop,
  retention,
  topicCreate,
  topicDelete,
  topicChange,
  ifMatch,
  idempotentProduce,
  idempotentCutBack,
  idempotencyKey,
  offsetCommits,
  failedSync,
  fullDisk,
  cleanStop,
  recovery,
  metadataSnapshot,
  compact,
  treeLogCompact,
  treeLogCuts,
  treeLogRecovery,
  treeLogTrim,
  keyLookup,
  keyLookupLsm,
  engines,
  ...[
    produce,
    trim,
    topicCreate,
    topicDelete,
    topicChange,
    idempotentProduce,
    idempotentCutBack,
    failedSync,
    fullDisk,
    cleanStop,
    recovery,
  ].map(inTree),
];

/** The same with its topics in the node's tree. */
function inTree({ name, prepare }: Scenario): Scenario {
  return { name: `lsm_${name}`, prepare: (seed) => prepare(seed, "lsm") };
}

/** Those whose files are damaged too: between them they have sealed segments, epochs, trims, several partitions and producers. */
export const DAMAGED_SCENARIOS: readonly Scenario[] = [
  produce,
  roll,
  truncate,
  trim,
  cleanStop,
  idempotentProduce,
  compact,
];
