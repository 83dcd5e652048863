import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { describeGroupsApi } from "../../../../src/protocols/kafka/wire/messages/describe_groups.ts";
import { openAdminSession } from "./admin_session.ts";

test("DescribeGroups tells what may be done with a group, where it is asked for and nothing is wrong", async () => {
  await using session = await openAdminSession();
  const omitted = -2_147_483_648;
  const asked = [[2, false, omitted], [3, false, omitted], [3, true, 3_400], [5, true, 3_400], [
    6,
    true,
    omitted,
  ]] as const;
  for (const [version, includeAuthorizedOperations, expected] of asked) {
    const { groups } = await session.ask(describeGroupsApi, version, { groups: ["none"], includeAuthorizedOperations });
    deepEqual(groups.map(({ groupId, authorizedOperations }) => [groupId, authorizedOperations]), [["none", expected]]);
  }
});
