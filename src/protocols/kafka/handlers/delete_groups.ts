import { errorCodeOf } from "../error_answer.ts";
import { defineHandler } from "../handler.ts";
import { deleteGroupsApi } from "../wire/messages/delete_groups.ts";

/** Groups without members, with all their positions. */
export const deleteGroupsHandler = defineHandler(deleteGroupsApi, {
  async handle({ groupsNames }, { broker }) {
    const results = await Promise.all([...new Set(groupsNames)].map(async (groupId) => ({
      groupId,
      errorCode: errorCodeOf(await broker.groups.delete(groupId)),
    })));
    return { throttleTimeMs: 0, results };
  },
  fail: ({ groupsNames }, { errorCode }) => ({
    throttleTimeMs: 0,
    results: groupsNames.map((groupId) => ({ groupId, errorCode })),
  }),
});
