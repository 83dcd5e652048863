/** Every API that is declared, by its key. */
import type { KafkaApi } from "./api.ts";
import { produceApi } from "./messages/produce.ts";
import { fetchApi } from "./messages/fetch.ts";
import { listOffsetsApi } from "./messages/list_offsets.ts";
import { metadataApi } from "./messages/metadata.ts";
import { offsetCommitApi } from "./messages/offset_commit.ts";
import { offsetFetchApi } from "./messages/offset_fetch.ts";
import { findCoordinatorApi } from "./messages/find_coordinator.ts";
import { joinGroupApi } from "./messages/join_group.ts";
import { heartbeatApi } from "./messages/heartbeat.ts";
import { leaveGroupApi } from "./messages/leave_group.ts";
import { syncGroupApi } from "./messages/sync_group.ts";
import { describeGroupsApi } from "./messages/describe_groups.ts";
import { listGroupsApi } from "./messages/list_groups.ts";
import { apiVersionsApi } from "./messages/api_versions.ts";
import { createTopicsApi } from "./messages/create_topics.ts";
import { deleteTopicsApi } from "./messages/delete_topics.ts";
import { deleteRecordsApi } from "./messages/delete_records.ts";
import { initProducerIdApi } from "./messages/init_producer_id.ts";
import { offsetForLeaderEpochApi } from "./messages/offset_for_leader_epoch.ts";
import { describeConfigsApi } from "./messages/describe_configs.ts";
import { deleteAclsApi } from "./messages/delete_acls.ts";
import { createAclsApi } from "./messages/create_acls.ts";
import { describeAclsApi } from "./messages/describe_acls.ts";
import { alterConfigsApi } from "./messages/alter_configs.ts";
import { describeLogDirsApi } from "./messages/describe_log_dirs.ts";
import { createPartitionsApi } from "./messages/create_partitions.ts";
import { deleteGroupsApi } from "./messages/delete_groups.ts";
import { electLeadersApi } from "./messages/elect_leaders.ts";
import { incrementalAlterConfigsApi } from "./messages/incremental_alter_configs.ts";
import { offsetDeleteApi } from "./messages/offset_delete.ts";
import { describeClientQuotasApi } from "./messages/describe_client_quotas.ts";
import { describeClusterApi } from "./messages/describe_cluster.ts";
import { describeProducersApi } from "./messages/describe_producers.ts";
import { listConfigResourcesApi } from "./messages/list_config_resources.ts";
import { listPartitionReassignmentsApi } from "./messages/list_partition_reassignments.ts";
import { describeTopicPartitionsApi } from "./messages/describe_topic_partitions.ts";

export const KAFKA_APIS: readonly KafkaApi[] = [
  produceApi,
  fetchApi,
  listOffsetsApi,
  metadataApi,
  offsetCommitApi,
  offsetFetchApi,
  findCoordinatorApi,
  joinGroupApi,
  heartbeatApi,
  leaveGroupApi,
  syncGroupApi,
  describeGroupsApi,
  listGroupsApi,
  apiVersionsApi,
  createTopicsApi,
  deleteTopicsApi,
  deleteRecordsApi,
  initProducerIdApi,
  offsetForLeaderEpochApi,
  describeConfigsApi,
  deleteAclsApi,
  createAclsApi,
  describeAclsApi,
  alterConfigsApi,
  describeLogDirsApi,
  createPartitionsApi,
  deleteGroupsApi,
  electLeadersApi,
  incrementalAlterConfigsApi,
  offsetDeleteApi,
  describeClientQuotasApi,
  describeClusterApi,
  describeProducersApi,
  listConfigResourcesApi,
  listPartitionReassignmentsApi,
  describeTopicPartitionsApi,
];
