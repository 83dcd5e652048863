/** A broker's groups where a test has none of its own. */
import { joinFailure, syncFailure } from "../../src/broker/groups/group_answers.ts";
import type { GroupsApi } from "../../src/broker/groups/groups_api.ts";

export const NO_GROUPS: GroupsApi = {
  prepare: () => Promise.resolve("coordinator_unavailable"),
  whenLoaded: () => Promise.resolve(),
  join: (_groupId, { memberId }) => Promise.resolve(joinFailure("coordinator_unavailable", memberId)),
  sync: () => Promise.resolve(syncFailure("coordinator_unavailable")),
  heartbeat: () => "coordinator_unavailable",
  leave: (_groupId, members) => members.map((member) => ({ ...member, error: "coordinator_unavailable" })),
  commitOffsets: (_groupId, _claim, partitions) =>
    Promise.resolve(partitions.map(({ topic, partition }) => ({ topic, partition, error: "coordinator_unavailable" }))),
  fetchOffsets: () => ({ error: "coordinator_unavailable", offsets: [] }),
  deleteOffsets: () => Promise.resolve("coordinator_unavailable"),
  list: () => ({ error: null, groups: [] }),
  describe: () => null,
  delete: () => Promise.resolve("unknown_group"),
  lags: () => [].values(),
};
