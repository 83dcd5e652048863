/** Every API that is served. A new one is a file in `handlers/` and a line here. */
import type { KafkaHandler } from "./handler.ts";
import { createAclsHandler, deleteAclsHandler, describeAclsHandler } from "./handlers/acls.ts";
import { alterConfigsHandler } from "./handlers/alter_configs.ts";
import { apiVersionsHandler } from "./handlers/api_versions.ts";
import { createPartitionsHandler } from "./handlers/create_partitions.ts";
import { createTopicsHandler } from "./handlers/create_topics.ts";
import { deleteGroupsHandler } from "./handlers/delete_groups.ts";
import { deleteRecordsHandler } from "./handlers/delete_records.ts";
import { deleteTopicsHandler } from "./handlers/delete_topics.ts";
import { describeClientQuotasHandler } from "./handlers/describe_client_quotas.ts";
import { describeClusterHandler } from "./handlers/describe_cluster.ts";
import { describeConfigsHandler } from "./handlers/describe_configs.ts";
import { describeGroupsHandler } from "./handlers/describe_groups.ts";
import { describeLogDirsHandler } from "./handlers/describe_log_dirs.ts";
import { describeProducersHandler } from "./handlers/describe_producers.ts";
import { describeTopicPartitionsHandler } from "./handlers/describe_topic_partitions.ts";
import { electLeadersHandler } from "./handlers/elect_leaders.ts";
import { fetchHandler } from "./handlers/fetch.ts";
import { findCoordinatorHandler } from "./handlers/find_coordinator.ts";
import { heartbeatHandler } from "./handlers/heartbeat.ts";
import { incrementalAlterConfigsHandler } from "./handlers/incremental_alter_configs.ts";
import { initProducerIdHandler } from "./handlers/init_producer_id.ts";
import { joinGroupHandler } from "./handlers/join_group.ts";
import { leaveGroupHandler } from "./handlers/leave_group.ts";
import { listConfigResourcesHandler } from "./handlers/list_config_resources.ts";
import { listGroupsHandler } from "./handlers/list_groups.ts";
import { listOffsetsHandler } from "./handlers/list_offsets.ts";
import { listPartitionReassignmentsHandler } from "./handlers/list_partition_reassignments.ts";
import { metadataHandler } from "./handlers/metadata.ts";
import { offsetCommitHandler } from "./handlers/offset_commit.ts";
import { offsetDeleteHandler } from "./handlers/offset_delete.ts";
import { offsetFetchHandler } from "./handlers/offset_fetch.ts";
import { offsetForLeaderEpochHandler } from "./handlers/offset_for_leader_epoch.ts";
import { produceHandler } from "./handlers/produce.ts";
import { syncGroupHandler } from "./handlers/sync_group.ts";

export const KAFKA_HANDLERS: readonly KafkaHandler[] = [
  alterConfigsHandler,
  apiVersionsHandler,
  createAclsHandler,
  createPartitionsHandler,
  createTopicsHandler,
  deleteAclsHandler,
  deleteGroupsHandler,
  deleteRecordsHandler,
  deleteTopicsHandler,
  describeAclsHandler,
  describeClientQuotasHandler,
  describeClusterHandler,
  describeConfigsHandler,
  describeGroupsHandler,
  describeLogDirsHandler,
  describeProducersHandler,
  describeTopicPartitionsHandler,
  electLeadersHandler,
  fetchHandler,
  findCoordinatorHandler,
  heartbeatHandler,
  incrementalAlterConfigsHandler,
  initProducerIdHandler,
  joinGroupHandler,
  leaveGroupHandler,
  listConfigResourcesHandler,
  listGroupsHandler,
  listOffsetsHandler,
  listPartitionReassignmentsHandler,
  metadataHandler,
  offsetCommitHandler,
  offsetDeleteHandler,
  offsetFetchHandler,
  offsetForLeaderEpochHandler,
  produceHandler,
  syncGroupHandler,
];
