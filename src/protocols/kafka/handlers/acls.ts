/** DescribeAcls, CreateAcls, DeleteAcls (API 29 to 31): there is no authorizer, and they say so, as Kafka does then. */
import { CloseConnection, defineHandler } from "../handler.ts";
import { KAFKA_ERRORS } from "../wire/error_codes.ts";
import { createAclsApi } from "../wire/messages/create_acls.ts";
import { deleteAclsApi } from "../wire/messages/delete_acls.ts";
import { describeAclsApi } from "../wire/messages/describe_acls.ts";

const DISABLED = { errorCode: KAFKA_ERRORS.SECURITY_DISABLED, errorMessage: "No Authorizer is configured." };
/** Kafka's number for a word that it does not know. It does not read a request with such a number in it. */
const UNKNOWN = 0;
const UNREADABLE = new CloseConnection("A request about ACLs has an unknown type");

export const describeAclsHandler = defineHandler(describeAclsApi, {
  handle({ resourceTypeFilter, patternTypeFilter, operation, permissionType }) {
    if ([resourceTypeFilter, patternTypeFilter, operation, permissionType].includes(UNKNOWN)) return UNREADABLE;
    return {
      throttleTimeMs: 0,
      errorCode: DISABLED.errorCode,
      errorMessage: "No Authorizer is configured on the broker",
      resources: [],
    };
  },
  fail: (_request, error) => ({ throttleTimeMs: 0, ...error, resources: [] }),
});

export const createAclsHandler = defineHandler(createAclsApi, {
  handle({ creations }) {
    const isUnreadable = creations.some(({ resourceType, resourcePatternType, operation, permissionType }) =>
      [resourceType, resourcePatternType, operation, permissionType].includes(UNKNOWN)
    );
    return isUnreadable ? UNREADABLE : { throttleTimeMs: 0, results: creations.map(() => DISABLED) };
  },
  fail: ({ creations }, error) => ({ throttleTimeMs: 0, results: creations.map(() => error) }),
});

export const deleteAclsHandler = defineHandler(deleteAclsApi, {
  handle({ filters }) {
    const isUnreadable = filters.some(({ resourceTypeFilter, patternTypeFilter, operation, permissionType }) =>
      [resourceTypeFilter, patternTypeFilter, operation, permissionType].includes(UNKNOWN)
    );
    if (isUnreadable) return UNREADABLE;
    return { throttleTimeMs: 0, filterResults: filters.map(() => ({ ...DISABLED, matchingAcls: [] })) };
  },
  fail: ({ filters }, error) => ({
    throttleTimeMs: 0,
    filterResults: filters.map(() => ({ ...error, matchingAcls: [] })),
  }),
});
