import { errorCodeOf } from "../error_answer.ts";
import { defineHandler } from "../handler.ts";
import { listGroupsApi } from "../wire/messages/list_groups.ts";

const CLASSIC = "classic";

/** The groups of this coordinator, of the states and types that were asked for. */
export const listGroupsHandler = defineHandler(listGroupsApi, {
  handle({ statesFilter, typesFilter }, { broker }) {
    const { error, groups } = broker.groups.list();
    const states = new Set(statesFilter.map((state) => state.toLowerCase()));
    const hasType = typesFilter.length === 0 || typesFilter.some((type) => type.toLowerCase() === CLASSIC);
    const listed = groups.filter(({ state }) => hasType && (states.size === 0 || states.has(state.toLowerCase())));
    return {
      throttleTimeMs: 0,
      errorCode: errorCodeOf(error),
      groups: listed.map(({ groupId, protocolType, state }) => ({
        groupId,
        protocolType,
        groupState: state,
        groupType: CLASSIC,
      })),
    };
  },
  fail: (_request, { errorCode }) => ({ throttleTimeMs: 0, errorCode, groups: [] }),
});
