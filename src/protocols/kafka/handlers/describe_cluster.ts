import { CLUSTER_OPERATIONS, OPERATIONS_OMITTED } from "../authorized_operations.ts";
import { defineHandler } from "../handler.ts";
import { KAFKA_ERRORS } from "../wire/error_codes.ts";
import { describeClusterApi, type DescribeClusterResponse } from "../wire/messages/describe_cluster.ts";

/** Endpoint types (KIP-919). */
const BROKERS = 1;
const CONTROLLERS = 2;

/** Nodes, controller and cluster id, for admin clients. */
export const describeClusterHandler = defineHandler(describeClusterApi, {
  handle({ endpointType, includeClusterAuthorizedOperations }, { broker }) {
    if (endpointType !== BROKERS) {
      return endpointType === CONTROLLERS
        ? failed(
          KAFKA_ERRORS.MISMATCHED_ENDPOINT_TYPE,
          "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER",
        )
        : failed(KAFKA_ERRORS.UNSUPPORTED_ENDPOINT_TYPE, `Unsupported endpoint type ${endpointType}`);
    }
    const cluster = broker.describeCluster();
    return {
      throttleTimeMs: 0,
      errorCode: KAFKA_ERRORS.NONE,
      clusterId: cluster.clusterId,
      controllerId: cluster.controller,
      brokers: cluster.nodes.map(({ id, host, port }) => ({ brokerId: id, host, port, isFenced: false })),
      clusterAuthorizedOperations: includeClusterAuthorizedOperations ? CLUSTER_OPERATIONS : OPERATIONS_OMITTED,
    };
  },
  fail: (_request, { errorCode, errorMessage }) => failed(errorCode, errorMessage),
});

function failed(errorCode: number, errorMessage: string): DescribeClusterResponse {
  return { throttleTimeMs: 0, errorCode, errorMessage, clusterId: "", brokers: [] };
}
