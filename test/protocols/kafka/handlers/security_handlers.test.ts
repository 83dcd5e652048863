/** The ACLs' and quotas' APIs, as frames: there are none of either, and the answers say so as Kafka's do. */
import { deepEqual, rejects } from "node:assert/strict";
import { test } from "node:test";
import { createAclsApi } from "../../../../src/protocols/kafka/wire/messages/create_acls.ts";
import { deleteAclsApi } from "../../../../src/protocols/kafka/wire/messages/delete_acls.ts";
import { describeAclsApi } from "../../../../src/protocols/kafka/wire/messages/describe_acls.ts";
import { describeClientQuotasApi } from "../../../../src/protocols/kafka/wire/messages/describe_client_quotas.ts";
import { openAdminSession } from "./admin_session.ts";

const FILTER = {
  resourceTypeFilter: 1,
  resourceNameFilter: null,
  patternTypeFilter: 1,
  principalFilter: null,
  hostFilter: null,
  operation: 1,
  permissionType: 1,
};
const CREATION = {
  resourceType: 2,
  resourceName: "orders",
  resourcePatternType: 3,
  principal: "User:a",
  host: "*",
  operation: 3,
  permissionType: 3,
};
const DISABLED = { errorCode: 54, errorMessage: "No Authorizer is configured." };

test("without an authorizer ACLs are SECURITY_DISABLED, in every version", async () => {
  await using session = await openAdminSession();
  for (let version = 1; version <= 3; version++) {
    deepEqual(await session.ask(describeAclsApi, version, FILTER), {
      throttleTimeMs: 0,
      errorCode: 54,
      errorMessage: "No Authorizer is configured on the broker",
      resources: [],
    });
    const created = await session.ask(createAclsApi, version, { creations: [CREATION, CREATION] });
    deepEqual(created.results, [DISABLED, DISABLED]);
    const deleted = await session.ask(deleteAclsApi, version, { filters: [FILTER] });
    deepEqual(deleted.filterResults, [{ ...DISABLED, matchingAcls: [] }]);
  }
  deepEqual((await session.ask(createAclsApi, 3, { creations: [] })).results, []);
  deepEqual((await session.ask(deleteAclsApi, 3, { filters: [] })).filterResults, []);
});

test("a request about ACLs of unknown type ends the connection, as Kafka's does", async () => {
  for (const name of ["resourceTypeFilter", "patternTypeFilter", "operation", "permissionType"]) {
    const filter = { ...FILTER, [name]: 0 };
    await using session = await openAdminSession();
    await rejects(session.ask(describeAclsApi, 3, filter), /unknown type/);
    await using other = await openAdminSession();
    await rejects(other.ask(deleteAclsApi, 3, { filters: [FILTER, filter] }), /unknown type/);
  }
  for (const name of ["resourceType", "resourcePatternType", "operation", "permissionType"]) {
    await using session = await openAdminSession();
    await rejects(session.ask(createAclsApi, 3, { creations: [CREATION, { ...CREATION, [name]: 0 }] }), /unknown type/);
  }
});

test("DescribeClientQuotas finds none, and says in Kafka's words what is wrong with a filter", async () => {
  await using session = await openAdminSession();
  type Component = readonly [string, number, string | null];
  const ask = async (version: number, ...asked: readonly Component[]) => {
    const components = asked.map(([entityType, matchType, match]) => ({ entityType, matchType, match }));
    const answer = await session.ask(describeClientQuotasApi, version, { components, strict: false });
    return [answer.errorCode, answer.errorMessage, answer.entries];
  };
  const none = [0, "", []];
  for (let version = 0; version <= 1; version++) {
    deepEqual(await ask(version), none);
    deepEqual(await ask(version, ["user", 0, "bob"], ["client-id", 1, null]), none);
    deepEqual(await ask(version, ["ip", 2, null]), none);
  }
  const wrong: readonly (readonly [readonly Component[], number, string])[] = [
    [[["x", 0, "bob"]], 35, "Unsupported entity type x"],
    [[["", 0, "bob"]], 42, "Invalid empty entity type."],
    [[["user", 3, "bob"]], 42, "Unknown match type 3"],
    [[["user", -1, "bob"]], 42, "Unknown match type -1"],
    [[["user", 0, null]], 42, "Request specified MATCH_TYPE_EXACT, but set match string to null."],
    [[["user", 1, "bob"]], 42, "Request specified MATCH_TYPE_DEFAULT, but also specified a match string."],
    [[["user", 2, "bob"]], 42, "Request specified MATCH_TYPE_SPECIFIED, but also specified a match string."],
    [
      [["user", 0, "bob"], ["user", 1, null]],
      42,
      "Entity type user cannot appear more than once in the filter.",
    ],
    [
      [["ip", 0, "1.2.3.4"], ["user", 1, null]],
      42,
      "Invalid entity filter component combination. IP filter component should not be used with user or clientId filter component.",
    ],
  ];
  for (const [components, errorCode, errorMessage] of wrong) {
    deepEqual(await ask(1, ...components), [errorCode, errorMessage, null]);
  }
});
