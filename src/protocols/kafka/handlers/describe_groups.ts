import type { BrokerApi } from "../../../broker/broker_api.ts";
import { GROUP_OPERATIONS } from "../authorized_operations.ts";
import { errorCodeOf } from "../error_answer.ts";
import { defineHandler } from "../handler.ts";
import { describeGroupsApi, type DescribeGroupsResponse } from "../wire/messages/describe_groups.ts";

/** From here on a group that does not exist is an error; before, it is a dead one. */
const UNKNOWN_GROUP_VERSION = 6;

type DescribedGroup = DescribeGroupsResponse["groups"][number];

/** State and members of groups. */
export const describeGroupsHandler = defineHandler(describeGroupsApi, {
  handle: ({ groups, includeAuthorizedOperations }, { apiVersion, broker }) => ({
    throttleTimeMs: 0,
    groups: [...new Set(groups)].map((groupId) => {
      const group = describe(groupId, apiVersion, broker);
      const isTold = includeAuthorizedOperations && group.errorCode === 0;
      return isTold ? { ...group, authorizedOperations: GROUP_OPERATIONS } : group;
    }),
  }),
  fail: ({ groups }, { errorCode, errorMessage }, { apiVersion }) => ({
    throttleTimeMs: 0,
    groups: groups.map((groupId) => ({
      ...nothing(groupId, ""),
      errorCode,
      errorMessage: apiVersion < UNKNOWN_GROUP_VERSION ? null : errorMessage,
    })),
  }),
});

function describe(groupId: string, apiVersion: number, broker: BrokerApi): DescribedGroup {
  const group = broker.groups.describe(groupId);
  if (group === null) {
    const dead = nothing(groupId, "Dead");
    if (apiVersion < UNKNOWN_GROUP_VERSION) return dead;
    return { ...dead, errorCode: errorCodeOf("unknown_group"), errorMessage: `Group ${groupId} not found.` };
  }
  if (typeof group === "string") return { ...nothing(groupId, ""), errorCode: errorCodeOf(group) };
  return {
    ...nothing(groupId, group.state),
    protocolType: group.protocolType,
    protocolData: group.protocol,
    members: group.members.map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: member.subscription,
      memberAssignment: member.assignment,
    })),
  };
}

function nothing(groupId: string, groupState: string): DescribedGroup {
  return { errorCode: 0, errorMessage: null, groupId, groupState, protocolType: "", protocolData: "", members: [] };
}
