import { errorCodeOf } from "../error_answer.ts";
import { defineHandler } from "../handler.ts";
import { offsetDeleteApi } from "../wire/messages/offset_delete.ts";

/** Forgets positions of topics that the group does not read. */
export const offsetDeleteHandler = defineHandler(offsetDeleteApi, {
  async handle({ groupId, topics }, { broker }) {
    const wanted = topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex }) => ({ topic: name, partition: partitionIndex }))
    );
    const outcomes = await broker.groups.deleteOffsets(groupId, wanted);
    if (typeof outcomes === "string") return { throttleTimeMs: 0, errorCode: errorCodeOf(outcomes), topics: [] };
    let next = 0;
    return {
      throttleTimeMs: 0,
      errorCode: 0,
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => ({
          partitionIndex,
          errorCode: errorCodeOf(outcomes[next++]!.error),
        })),
      })),
    };
  },
  fail: (_request, { errorCode }) => ({ throttleTimeMs: 0, errorCode, topics: [] }),
});
