/** DescribeLogDirs (API 35): the data directory, what each partition takes of it, and the room that there is. */
import type { BrokerApi } from "../../../broker/broker_api.ts";
import { defineHandler } from "../handler.ts";
import { KAFKA_ERRORS } from "../wire/error_codes.ts";
import { describeLogDirsApi } from "../wire/messages/describe_log_dirs.ts";
import type { DescribeLogDirsRequest, DescribeLogDirsResponse } from "../wire/messages/describe_log_dirs.ts";

type TopicAnswer = DescribeLogDirsResponse["results"][number]["topics"][number];

export const describeLogDirsHandler = defineHandler(describeLogDirsApi, {
  async handle({ topics }, { broker }) {
    const { path, totalBytes, usableBytes } = await broker.describeLogDirectory();
    const result = {
      errorCode: KAFKA_ERRORS.NONE,
      logDir: path,
      topics: topicsOf(topics, broker),
      totalBytes: totalBytes ?? -1,
      usableBytes: usableBytes ?? -1,
    };
    return { throttleTimeMs: 0, errorCode: KAFKA_ERRORS.NONE, results: [result] };
  },
  fail: (_request, { errorCode }) => ({ throttleTimeMs: 0, errorCode, results: [] }),
});

/** Null: every partition. What is not there is left out, as in Kafka. */
function topicsOf(asked: DescribeLogDirsRequest["topics"], broker: BrokerApi): TopicAnswer[] {
  const wanted = new Map<string, Set<number> | null>();
  if (asked === null) { for (const name of broker.topicNames()) wanted.set(name, null); }
  for (const { topic, partitions } of asked ?? []) {
    wanted.set(topic, new Set([...wanted.get(topic) ?? [], ...partitions]));
  }
  const answers: TopicAnswer[] = [];
  for (const [name, indexes] of wanted) {
    const partitions = (broker.describeTopic(name)?.partitions ?? [])
      // One that could not be opened has no size that anyone knows.
      .filter(({ partition, offline }) => (indexes?.has(partition) ?? true) && offline === undefined)
      .map(({ partition, bytes }) => ({
        partitionIndex: partition,
        partitionSize: bytes,
        offsetLag: 0,
        isFutureKey: false,
      }));
    if (partitions.length > 0) answers.push({ name, partitions });
  }
  return answers;
}
