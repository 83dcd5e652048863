import { checksum } from "./workloads/checksum.ts";
import { httpConsume } from "./workloads/http_consume.ts";
import { httpProduce } from "./workloads/http_produce.ts";
import { kafkaCodec } from "./workloads/kafka_codec.ts";
import { kafkaConnections } from "./workloads/kafka_connections.ts";
import { kafkaPeer } from "./workloads/kafka_peer.ts";
import { logAppend } from "./workloads/log_append.ts";
import { logAppendFsync } from "./workloads/log_append_fsync.ts";
import { logCompact } from "./workloads/log_compact.ts";
import { logRead } from "./workloads/log_read.ts";
import { logRecover } from "./workloads/log_recover.ts";
import { lsmFill } from "./workloads/lsm_fill.ts";
import { lsmFillLarge } from "./workloads/lsm_fill_large.ts";
import { lsmPauses } from "./workloads/lsm_pauses.ts";
import { lsmPut } from "./workloads/lsm_put.ts";
import { lsmPutFsync } from "./workloads/lsm_put_fsync.ts";
import { lsmGet, lsmScan } from "./workloads/lsm_read.ts";
import { lsmReadAmplification } from "./workloads/lsm_read_amplification.ts";
import { manyPartitions } from "./workloads/many_partitions.ts";
import { nativeFetch } from "./workloads/native_fetch.ts";
import { nativeProduce } from "./workloads/native_produce.ts";
import { skiplistGet, skiplistPut, skiplistRandom } from "./workloads/skiplist.ts";
import { soak } from "./workloads/soak.ts";
import { startUp } from "./workloads/start_up.ts";
import { treeLog } from "./workloads/tree_log.ts";
import type { Workload } from "./workload.ts";

/** All of them, in the order in which they are listed and run. */
export const WORKLOADS: readonly Workload[] = [
  checksum,
  logAppend,
  logAppendFsync,
  logRead,
  logRecover,
  logCompact,
  kafkaCodec,
  skiplistPut,
  skiplistGet,
  skiplistRandom,
  lsmPut,
  lsmPutFsync,
  lsmGet,
  lsmScan,
  lsmFill,
  lsmPauses,
  lsmReadAmplification,
  lsmFillLarge,
  treeLog,
  manyPartitions,
  nativeProduce,
  nativeFetch,
  httpProduce,
  httpConsume,
  startUp,
  kafkaPeer,
  kafkaConnections,
  soak,
];
