/** Every API that is served. A new one is a file in `handlers/` and a line here. */
import type { KafkaHandler } from "./handler.ts";
import { createAclsHandler, deleteAclsHandler, describeAclsHandler } from "./handlers/acls.ts";
import { alterConfigsHandler } from "./handlers/alter_configs.ts";
import { apiVersionsHandler } from "./handlers/api_versions.ts";
import { createPartitionsHandler } from "./handlers/create_partitions.ts";
import { createTopicsHandler } from "./handlers/create_topics.ts";
import { deleteRecordsHandler } from "./handlers/delete_records.ts";
import { deleteTopicsHandler } from "./handlers/delete_topics.ts";
import { describeClientQuotasHandler } from "./handlers/describe_client_quotas.ts";
import { describeConfigsHandler } from "./handlers/describe_configs.ts";
import { describeLogDirsHandler } from "./handlers/describe_log_dirs.ts";
import { describeProducersHandler } from "./handlers/describe_producers.ts";
import { electLeadersHandler } from "./handlers/elect_leaders.ts";
import { incrementalAlterConfigsHandler } from "./handlers/incremental_alter_configs.ts";
import { initProducerIdHandler } from "./handlers/init_producer_id.ts";
import { listConfigResourcesHandler } from "./handlers/list_config_resources.ts";
import { listPartitionReassignmentsHandler } from "./handlers/list_partition_reassignments.ts";

export const KAFKA_HANDLERS: readonly KafkaHandler[] = [
  alterConfigsHandler,
  apiVersionsHandler,
  createAclsHandler,
  createPartitionsHandler,
  createTopicsHandler,
  deleteAclsHandler,
  deleteRecordsHandler,
  deleteTopicsHandler,
  describeAclsHandler,
  describeClientQuotasHandler,
  describeConfigsHandler,
  describeLogDirsHandler,
  describeProducersHandler,
  electLeadersHandler,
  incrementalAlterConfigsHandler,
  initProducerIdHandler,
  listConfigResourcesHandler,
  listPartitionReassignmentsHandler,
];
