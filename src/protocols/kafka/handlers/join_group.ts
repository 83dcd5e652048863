import { joinFailure } from "../../../broker/groups/group_answers.ts";
import type { JoinAnswer } from "../../../broker/groups/group_types.ts";
import { errorCodeOf } from "../error_answer.ts";
import { clientHostOf } from "../client_host.ts";
import { defineHandler } from "../handler.ts";
import { untilEnd } from "../../../broker/groups/until_end.ts";
import { joinGroupApi, type JoinGroupResponse } from "../wire/messages/join_group.ts";

/** KIP-394: from here on a newcomer is told its id first. */
const KNOWN_MEMBER_ID_VERSION = 4;
/** From here on the answer may have no protocol. */
const NULLABLE_PROTOCOL_VERSION = 7;
/** KIP-814. */
const SKIP_ASSIGNMENT_VERSION = 9;

/** A member comes, or comes again; answered when the rebalance that it is part of has ended. */
export const joinGroupHandler = defineHandler(joinGroupApi, {
  async handle(request, context) {
    const { apiVersion, broker, clientId, peer } = context;
    const { groupId, memberId, sessionTimeoutMs, rebalanceTimeoutMs, groupInstanceId, protocolType, protocols } =
      request;
    const joining = broker.groups.join(groupId, {
      memberId,
      instanceId: groupInstanceId,
      clientId: clientId ?? "",
      clientHost: clientHostOf(peer),
      sessionTimeoutMs,
      // Version 0 has none: the session time-out stands for both.
      rebalanceTimeoutMs: rebalanceTimeoutMs === -1 ? sessionTimeoutMs : rebalanceTimeoutMs,
      protocolType,
      protocols,
      requiresKnownMemberId: apiVersion >= KNOWN_MEMBER_ID_VERSION,
      supportsSkippingAssignment: apiVersion >= SKIP_ASSIGNMENT_VERSION,
    });
    return responseOf(await untilEnd(joining, joinFailure("not_coordinator", memberId), context), apiVersion);
  },
  fail: ({ memberId }, { errorCode }, { apiVersion }) => ({
    ...responseOf(joinFailure("internal", memberId), apiVersion),
    errorCode,
  }),
});

function responseOf(answer: JoinAnswer, apiVersion: number): JoinGroupResponse {
  const { error, generation, protocolType, protocolName, leader, skipAssignment, memberId, members } = answer;
  return {
    throttleTimeMs: 0,
    errorCode: errorCodeOf(error),
    generationId: generation,
    protocolType,
    protocolName: protocolName ?? (apiVersion >= NULLABLE_PROTOCOL_VERSION ? null : ""),
    leader,
    skipAssignment,
    memberId,
    members: members.map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.instanceId,
      metadata: member.metadata,
    })),
  };
}
