import type { ErrorCode } from "../../../base/errors.ts";
import { errorCodeOf } from "../error_answer.ts";
import { defineHandler } from "../handler.ts";
import { leaveGroupApi } from "../wire/messages/leave_group.ts";

/** From here on several leave at once, each with an outcome of its own. */
const BATCH_VERSION = 3;
/** Errors of the group as a whole, which have one place in the answer. */
const WHOLE: ReadonlySet<ErrorCode | null> = new Set<ErrorCode>([
  "coordinator_loading",
  "coordinator_unavailable",
  "not_coordinator",
  "invalid_group_id",
]);

/** Members go: the others rebalance. */
export const leaveGroupHandler = defineHandler(leaveGroupApi, {
  handle({ groupId, memberId, members }, { apiVersion, broker }) {
    const leaving = apiVersion < BATCH_VERSION
      ? [{ memberId, instanceId: null }]
      : members.map((member) => ({ memberId: member.memberId, instanceId: member.groupInstanceId }));
    const outcomes = broker.groups.leave(groupId, leaving);
    const first = outcomes[0]?.error ?? null;
    if (apiVersion < BATCH_VERSION || WHOLE.has(first)) {
      return { throttleTimeMs: 0, errorCode: errorCodeOf(first), members: [] };
    }
    return {
      throttleTimeMs: 0,
      errorCode: 0,
      members: outcomes.map((outcome) => ({
        memberId: outcome.memberId,
        groupInstanceId: outcome.instanceId,
        errorCode: errorCodeOf(outcome.error),
      })),
    };
  },
  fail: (_request, { errorCode }) => ({ throttleTimeMs: 0, errorCode, members: [] }),
});
