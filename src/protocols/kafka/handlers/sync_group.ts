import { syncFailure } from "../../../broker/groups/group_answers.ts";
import { errorCodeOf } from "../error_answer.ts";
import { defineHandler } from "../handler.ts";
import { untilEnd } from "../../../broker/groups/until_end.ts";
import { syncGroupApi } from "../wire/messages/sync_group.ts";

/** The leader brings the assignment, the others wait for it; each gets its own part when it is stored. */
export const syncGroupHandler = defineHandler(syncGroupApi, {
  async handle(request, context) {
    const { groupId, generationId, memberId, groupInstanceId, protocolType, protocolName, assignments } = request;
    const syncing = context.broker.groups.sync(groupId, {
      memberId,
      instanceId: groupInstanceId,
      generation: generationId,
      protocolType,
      protocolName,
      assignments: new Map(assignments.map((each) => [each.memberId, each.assignment])),
    });
    const answer = await untilEnd(syncing, syncFailure("not_coordinator"), context);
    return {
      throttleTimeMs: 0,
      errorCode: errorCodeOf(answer.error),
      protocolType: answer.protocolType,
      protocolName: answer.protocolName,
      assignment: answer.assignment,
    };
  },
  fail: (_request, { errorCode }) => ({ throttleTimeMs: 0, errorCode, assignment: new Uint8Array(0) }),
});
