/** ListPartitionReassignments (API 46): with one replica there is nothing to move. */
import { defineHandler } from "../handler.ts";
import { KAFKA_ERRORS } from "../wire/error_codes.ts";
import { listPartitionReassignmentsApi } from "../wire/messages/list_partition_reassignments.ts";

export const listPartitionReassignmentsHandler = defineHandler(listPartitionReassignmentsApi, {
  handle: () => ({ throttleTimeMs: 0, errorCode: KAFKA_ERRORS.NONE, errorMessage: null, topics: [] }),
  fail: (_request, error) => ({ throttleTimeMs: 0, ...error, topics: [] }),
});
