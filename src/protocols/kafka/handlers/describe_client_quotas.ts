/** DescribeClientQuotas (API 48): there are none; a filter that makes no sense is told (ClientQuotaCache). */
import type { Fault } from "../admin_fault.ts";
import { defineHandler } from "../handler.ts";
import { repeated } from "../repeated.ts";
import { KAFKA_ERRORS } from "../wire/error_codes.ts";
import { describeClientQuotasApi } from "../wire/messages/describe_client_quotas.ts";
import type { DescribeClientQuotasRequest } from "../wire/messages/describe_client_quotas.ts";

type Component = DescribeClientQuotasRequest["components"][number];

/** Kafka's ClientQuotaFilterComponent match types. */
const EXACT = 0;
const DEFAULT = 1;
const ANY = 2;

const ENTITY_TYPES: readonly string[] = ["user", "client-id", "ip"];

export const describeClientQuotasHandler = defineHandler(describeClientQuotasApi, {
  handle({ components }) {
    for (const component of components) {
      const fault = componentFault(component);
      if (fault !== null) return { throttleTimeMs: 0, ...fault, entries: null };
    }
    const fault = filterFault(components.map(({ entityType }) => entityType));
    if (fault !== null) return { throttleTimeMs: 0, ...fault, entries: null };
    return { throttleTimeMs: 0, errorCode: KAFKA_ERRORS.NONE, errorMessage: "", entries: [] };
  },
  fail: (_request, error) => ({ throttleTimeMs: 0, ...error, entries: null }),
});

function componentFault({ entityType, matchType, match }: Component): Fault | null {
  if (matchType === EXACT && match === null) {
    return invalid("Request specified MATCH_TYPE_EXACT, but set match string to null.");
  }
  if (matchType === DEFAULT && match !== null) {
    return invalid("Request specified MATCH_TYPE_DEFAULT, but also specified a match string.");
  }
  if (matchType === ANY && match !== null) {
    return invalid("Request specified MATCH_TYPE_SPECIFIED, but also specified a match string.");
  }
  if (matchType < EXACT || matchType > ANY) return invalid(`Unknown match type ${matchType}`);
  if (entityType === "") return invalid("Invalid empty entity type.");
  if (ENTITY_TYPES.includes(entityType)) return null;
  return { errorCode: KAFKA_ERRORS.UNSUPPORTED_VERSION, errorMessage: `Unsupported entity type ${entityType}` };
}

function filterFault(types: readonly string[]): Fault | null {
  const [twice] = repeated(types);
  if (twice !== undefined) return invalid(`Entity type ${twice} cannot appear more than once in the filter.`);
  if (!types.includes("ip") || types.length === 1) return null;
  return invalid(
    "Invalid entity filter component combination. IP filter component should not be used with user or clientId filter component.",
  );
}

function invalid(errorMessage: string): Fault {
  return { errorCode: KAFKA_ERRORS.INVALID_REQUEST, errorMessage };
}
