/** Committed offsets of a group: the store that Kafka's clients see. */
import { SentinelError } from "../base/errors.ts";
import type { FieldFault } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { assertNoGroupError, groupError } from "../broker/groups/group_error.ts";
import type { CommitPartition } from "../broker/groups/groups_api.ts";
import { utf8Bytes } from "../bytes/utf8.ts";
import { answer, type Exchange } from "./exchange.ts";
import { groupOffsetsQuerySchema, putGroupOffsetsBodySchema } from "./group_schemas.ts";
import type { HttpAppContext, PathParameters } from "./http_app_context.ts";
import { queryReader } from "./query.ts";
import { readDocument } from "./request_body.ts";

const readQuery = queryReader(groupOffsetsQuerySchema);
/** Nobody's: an administrator's commit, which only a group without members takes. */
const NO_MEMBER = { memberId: "", instanceId: null, generation: -1 };

export async function showGroupOffsets(
  app: HttpAppContext,
  exchange: Exchange,
  path: PathParameters,
): Promise<Response> {
  const group = groupOf(path);
  const { topic } = readQuery(exchange.request.url);
  return await answerOffsets(app, exchange, { group, topic });
}

/** All of them, or none: a position that cannot be kept refuses the whole request, with a pointer for each. */
export async function putGroupOffsets(
  app: HttpAppContext,
  exchange: Exchange,
  path: PathParameters,
): Promise<Response> {
  const group = groupOf(path);
  const { topic } = readQuery(exchange.request.url);
  const parsed = putGroupOffsetsBodySchema.safeParse((await readDocument(app, exchange)).value);
  if (!parsed.success) {
    const errors = parsed.error.issues.map((issue) => ({
      pointer: issue.path.map((name) => `/${String(name)}`).join(""),
      detail: issue.message,
    }));
    throw new SentinelError("invalid_parameter", `The offsets are not valid: ${errors[0]!.detail}`, { errors });
  }
  const offsets = parsed.data.offsets.map(({ metadata = "", ...each }): CommitPartition => ({
    ...each,
    metadata,
    leaderEpoch: -1,
  }));
  assertStorable(app, offsets);
  const { groups } = app.broker;
  await groups.whenLoaded(group);
  const description = groups.describe(group);
  if (typeof description === "string") throw groupError(description, group);
  if (description !== null && description.state !== "Empty") throw groupError("group_not_empty", group);
  for (const { error } of await groups.commitOffsets(group, NO_MEMBER, offsets)) assertNoGroupError(error, group);
  return await answerOffsets(app, exchange, { group, topic });
}

async function answerOffsets(
  app: HttpAppContext,
  exchange: Exchange,
  { group, topic }: { readonly group: string; readonly topic: string | undefined },
): Promise<Response> {
  const { groups } = app.broker;
  await groups.whenLoaded(group);
  const description = groups.describe(group);
  if (description === null) throw groupError("unknown_group", group);
  if (typeof description === "string") throw groupError(description, group);
  const fetched = groups.fetchOffsets(group, null);
  assertNoGroupError(fetched.error, group);
  const ends = new Map([...groups.lags(group)].map((each) => [`${each.topic}-${each.partition}`, each]));
  const offsets = fetched.offsets.filter((each) => topic === undefined || each.topic === topic).map((each) => {
    const { offset, metadata, commitTimestampMs } = each.committed!;
    const behind = ends.get(`${each.topic}-${each.partition}`);
    return {
      topic: each.topic,
      partition: each.partition,
      offset,
      metadata,
      timestamp: commitTimestampMs,
      ...(behind === undefined ? {} : { end: behind.end, lag: behind.lag }),
    };
  });
  return answer(exchange, 200, { group, state: description.state, offsets });
}

/** Before anything is stored: what the topics do not have, and what is too large. */
function assertStorable(app: HttpAppContext, offsets: readonly CommitPartition[]): void {
  const faults: FieldFault[] = [];
  let code: "unknown_partition" | "offset_metadata_too_large" = "unknown_partition";
  offsets.forEach(({ topic, partition, metadata }, at) => {
    const count = app.broker.partitionCount(topic);
    if (count === null || partition >= count) {
      faults.push({ pointer: `/offsets/${at}`, detail: `There is no partition ${partition} of topic ${topic}` });
    } else if (utf8Bytes(metadata) > LIMITS.offsetMetadataBytesMax) {
      if (faults.length === 0) code = "offset_metadata_too_large";
      const detail = `The metadata is larger than ${LIMITS.offsetMetadataBytesMax} bytes`;
      faults.push({ pointer: `/offsets/${at}/metadata`, detail });
    }
  });
  if (faults.length > 0) throw new SentinelError(code, faults[0]!.detail, { errors: faults });
}

/** The group that the path names. */
function groupOf(path: PathParameters): string {
  const group = path["group"] ?? "";
  if (group === "" || utf8Bytes(group) > LIMITS.groupNameBytesMax) {
    throw new SentinelError("invalid_group_id", `A group id has 1 to ${LIMITS.groupNameBytesMax} bytes`);
  }
  return group;
}
