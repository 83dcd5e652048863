/** Every parser that bytes from outside reach. */
import type { FuzzTarget } from "./fuzz_target.ts";
import { batches, compressedBatches } from "./targets/batches.ts";
import { cbor } from "./targets/cbor.ts";
import { cliArguments, configFiles } from "./targets/command_line.ts";
import { frames } from "./targets/frames.ts";
import { httpRequests } from "./targets/http_requests.ts";
import { kafkaDecoding } from "./targets/kafka_decoding.ts";
import { kafkaRequests } from "./targets/kafka_requests.ts";
import { jsonRecords } from "./targets/json_records.ts";
import { logDirectories, segments } from "./targets/log_directories.ts";
import { metadataLog } from "./targets/metadata_log.ts";
import { nativeSession, payloads } from "./targets/native_requests.ts";
import { directoryFiles, logFiles } from "./targets/storage_files.ts";
import { treeDirectories, treeForms } from "./targets/tree_files.ts";
import { byteTexts, csv, cursors, queries } from "./targets/texts.ts";

export const TARGETS: readonly FuzzTarget[] = [
  frames,
  payloads,
  nativeSession,
  kafkaDecoding,
  kafkaRequests,
  httpRequests,
  queries,
  cursors,
  cbor,
  jsonRecords,
  batches,
  compressedBatches,
  segments,
  logDirectories,
  logFiles,
  directoryFiles,
  treeForms,
  treeDirectories,
  metadataLog,
  cliArguments,
  configFiles,
  csv,
  byteTexts,
];

/** How a run's inputs are shared out; each target gets at least one. */
export function shareOf(target: FuzzTarget, count: number, targets: readonly FuzzTarget[]): number {
  const weights = targets.reduce((sum, { weight }) => sum + weight, 0);
  return Math.max(1, Math.round((count * target.weight) / weights));
}
