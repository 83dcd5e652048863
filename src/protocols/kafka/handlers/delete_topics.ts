/** DeleteTopics (API 20): by name, or from version 6 by topic id. Faults in Kafka's words (ControllerApis). */
import { adminFault, NO_FAULT } from "../admin_fault.ts";
import type { Fault } from "../admin_fault.ts";
import { defineHandler } from "../handler.ts";
import type { RequestContext } from "../handler.ts";
import { repeated } from "../repeated.ts";
import { KAFKA_ERRORS } from "../wire/error_codes.ts";
import { deleteTopicsApi } from "../wire/messages/delete_topics.ts";
import type { DeleteTopicsRequest, DeleteTopicsResponse } from "../wire/messages/delete_topics.ts";
import { withinTimeout } from "../within_timeout.ts";

type TopicAnswer = DeleteTopicsResponse["responses"][number];

/** A topic as it was asked for: one of the two says which. */
interface AskedTopic {
  readonly name: string | null;
  readonly topicId: string;
}

const NO_TOPIC_ID = "AAAAAAAAAAAAAAAAAAAAAA";
const UNKNOWN_NAME: Fault = {
  errorCode: KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION,
  errorMessage: "This server does not host this topic-partition.",
};
const UNKNOWN_ID: Fault = {
  errorCode: KAFKA_ERRORS.UNKNOWN_TOPIC_ID,
  errorMessage: "This server does not host this topic ID.",
};

export const deleteTopicsHandler = defineHandler(deleteTopicsApi, {
  async handle(request, context) {
    const asked = topicsOf(request, context);
    const names = repeated(
      asked.flatMap(({ name, topicId }) => (name === null || topicId !== NO_TOPIC_ID ? [] : [name])),
    );
    const ids = repeated(
      asked.flatMap(({ name, topicId }) => (name !== null || topicId === NO_TOPIC_ID ? [] : [topicId])),
    );
    const targets = repeated(asked.map((topic) => targetOf(topic, context)).filter((name) => name !== null));
    const once = asked.filter(({ name, topicId }) =>
      topicId === NO_TOPIC_ID ? name === null || !names.has(name) : name !== null || !ids.has(topicId)
    );
    const responses = await Promise.all(once.map((topic) => deleteTopic(topic, targets, request.timeoutMs, context)));
    for (const name of names) responses.push(answer({ name, topicId: NO_TOPIC_ID }, invalid("Duplicate topic name.")));
    for (const topicId of ids) responses.push(answer({ name: null, topicId }, invalid("Duplicate topic id.")));
    return { throttleTimeMs: 0, responses };
  },
  fail: (request, error, context) => ({
    throttleTimeMs: 0,
    responses: topicsOf(request, context).map((topic) => answer(topic, error)),
  }),
});

function topicsOf(request: DeleteTopicsRequest, { apiVersion }: RequestContext): readonly AskedTopic[] {
  if (apiVersion >= 6) return request.topics;
  return request.topicNames.map((name) => ({ name, topicId: NO_TOPIC_ID }));
}

/** The name of the topic that is meant, or null when none is or two could be. */
function targetOf({ name, topicId }: AskedTopic, { broker }: RequestContext): string | null {
  if (topicId === NO_TOPIC_ID) return name;
  return name === null ? broker.topicNameById(topicId) : null;
}

async function deleteTopic(
  asked: AskedTopic,
  targets: ReadonlySet<string>,
  timeoutMs: number,
  context: RequestContext,
): Promise<TopicAnswer> {
  const { broker, clock } = context;
  const isById = asked.topicId !== NO_TOPIC_ID;
  if (isById && asked.name !== null) return answer(asked, invalid("You may not specify both topic name and topic id."));
  if (!isById && asked.name === null) return answer(asked, invalid("Neither topic name nor id were specified."));
  const name = targetOf(asked, context);
  const topicId = name === null ? undefined : broker.describeTopic(name)?.topicId;
  if (name === null || topicId === undefined) return answer(asked, isById ? UNKNOWN_ID : UNKNOWN_NAME);
  if (targets.has(name)) {
    return answer(asked, invalid("The provided topic name maps to an ID that was already supplied."));
  }
  try {
    await withinTimeout(clock, timeoutMs, () => broker.deleteTopic(name, topicId));
    return answer({ name, topicId }, NO_FAULT);
  } catch (thrown) {
    return answer({ name, topicId }, adminFault(thrown, context));
  }
}

function invalid(errorMessage: string): Fault {
  return { errorCode: KAFKA_ERRORS.INVALID_REQUEST, errorMessage };
}

function answer({ name, topicId }: AskedTopic, { errorCode, errorMessage }: Fault): TopicAnswer {
  return { name, topicId, errorCode, errorMessage };
}
