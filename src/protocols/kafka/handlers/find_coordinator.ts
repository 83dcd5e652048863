import type { ErrorCode } from "../../../base/errors.ts";
import { LIMITS } from "../../../base/limits.ts";
import { errorCodeOf } from "../error_answer.ts";
import { defineHandler, type RequestContext } from "../handler.ts";
import { findCoordinatorApi } from "../wire/messages/find_coordinator.ts";

const GROUP_KEY = 0;
const TRANSACTION_KEY = 1;
/** The first version that asks for several at once. */
const BATCH_VERSION = 4;

interface Coordinator {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

/** Where the coordinator of a group or a transactional id is: on a single broker always here. */
export const findCoordinatorHandler = defineHandler(findCoordinatorApi, {
  async handle({ key, keyType, coordinatorKeys }, context) {
    if (context.apiVersion < BATCH_VERSION) {
      const { nodeId, host, port, errorCode, errorMessage } = await find(key, keyType, context);
      return { throttleTimeMs: 0, errorCode, errorMessage, nodeId, host, port, coordinators: [] };
    }
    const wanted = coordinatorKeys.slice(0, LIMITS.groupsMax);
    const coordinators = await Promise.all(
      wanted.map(async (each) => ({ key: each, ...await find(each, keyType, context) })),
    );
    return { ...NO_SINGLE, coordinators };
  },
  fail: ({ coordinatorKeys }, { errorCode, errorMessage }, { apiVersion }) => {
    const failed = { ...NOWHERE, errorCode, errorMessage };
    if (apiVersion < BATCH_VERSION) return { throttleTimeMs: 0, ...failed, coordinators: [] };
    return { ...NO_SINGLE, coordinators: coordinatorKeys.map((key) => ({ key, ...failed })) };
  },
});

const NOWHERE: Coordinator = { nodeId: -1, host: "", port: -1, errorCode: 0, errorMessage: null };
/** What an answer with a list has in place of the one coordinator that older ones have. */
const NO_SINGLE = { throttleTimeMs: 0, errorCode: 0, errorMessage: null, nodeId: 0, host: "", port: 0 };

async function find(key: string, keyType: number, { broker }: RequestContext): Promise<Coordinator> {
  const fault = keyType === GROUP_KEY
    ? await groupFault(key, broker)
    : keyType === TRANSACTION_KEY
    ? null
    : "invalid_request";
  if (fault !== null) return { ...NOWHERE, errorCode: errorCodeOf(fault), errorMessage: null };
  const [node] = broker.describeCluster().nodes;
  if (node === undefined) return { ...NOWHERE, errorCode: errorCodeOf("coordinator_unavailable") };
  return { nodeId: node.id, host: node.host, port: node.port, errorCode: 0, errorMessage: null };
}

/** A group whose records are still read has its coordinator all the same: the group calls say when it is there. */
async function groupFault(groupId: string, broker: RequestContext["broker"]): Promise<ErrorCode | null> {
  const fault = await broker.groups.prepare(groupId);
  return fault === "coordinator_loading" ? null : fault;
}
