/** `GET …/records` of one partition and of a whole topic: one page, a long poll, or a stream. */
import { SentinelError } from "../base/errors.ts";
import { type Offset, OFFSET_MAX, type PartitionId } from "../base/ids.ts";
import type { StartOffset, TopicDescription } from "../broker/types.ts";
import { type Cursor, decodeCursor, encodeCursor } from "./cursor.ts";
import { answer, type Exchange } from "./exchange.ts";
import { closedRangeAnswer } from "./closed_range.ts";
import { type HttpAppContext, type PathParameters, topicOf } from "./http_app_context.ts";
import { pageRecords } from "./page_form.ts";
import { problemOf } from "./problem.ts";
import { queryReader } from "./query.ts";
import { streamRecords } from "./record_stream.ts";
import { partitionPathSchema, readAllQuerySchema, readPartitionQuerySchema } from "./schemas.ts";
import { type Page, TopicReader } from "./topic_reader.ts";

const readPartitionQuery = queryReader(readPartitionQuerySchema);
const readAllQuery = queryReader(readAllQuerySchema);

type ReadQuery = ReturnType<typeof readPartitionQuery>;

export async function readPartition(
  app: HttpAppContext,
  exchange: Exchange,
  path: PathParameters,
): Promise<Response> {
  const topic = topicOf(path);
  const partition = partitionOf(path);
  const query = readPartitionQuery(exchange.request.url);
  const description = describe(app, topic, query.topicId);
  if (partition >= description.partitions.length) {
    throw new SentinelError(
      "unknown_partition",
      `Partition ${partition} of topic ${topic} does not exist; it has ${description.partitions.length}`,
    );
  }
  const cursor = cursorOf(exchange, query, description);
  const start = cursor === null ? undefined : cursorOffset(cursor, partition);
  const from = start ?? await startOffset(app, topic, partition, query.from ?? "earliest");
  const reader = new TopicReader(app, {
    topic,
    topicId: description.topicId,
    positions: new Map([[partition, from]]),
  });
  const cursorText = (): string =>
    encodeCursor({ kind: "partition", topicId: reader.topicId, partition, offset: reader.position(partition) });
  const formPage = (page: Page) => ({
    ...pageRecords(page, exchange),
    cursor: cursorText(),
    next: reader.position(partition),
    tail: page.tails.get(partition) ?? 0,
  });
  const options = pageOptions(app, query);
  if (isStream(exchange)) {
    return await streamRecords(app, exchange, reader, { ...streamOptions(query), page: options, formPage, cursorText });
  }
  const page = await readOnce(app, exchange, reader, options, query);
  const range = typeof from === "number" && query.to !== undefined ? { partition, from, to: query.to } : null;
  const tail = page.tails.get(partition) ?? 0;
  if (range !== null && range.to <= tail && range.from < range.to && reader.position(partition) >= range.to) {
    return closedRangeAnswer(app, exchange, {
      description,
      range,
      tail,
      isPinned: query.topicId !== undefined,
      body: { ...pageRecords(page, exchange), cursor: cursorText(), next: reader.position(partition) },
    });
  }
  return answer(exchange, 200, formPage(page));
}

export async function readTopic(app: HttpAppContext, exchange: Exchange, path: PathParameters): Promise<Response> {
  const topic = topicOf(path);
  const query = readAllQuery(exchange.request.url);
  const description = describe(app, topic, query.topicId);
  const count = description.partitions.length;
  if (count > app.limits.httpReadPartitionsMax) {
    throw new SentinelError(
      "invalid_parameter",
      `Topic ${topic} has ${count} partitions, and one read goes over at most ${app.limits.httpReadPartitionsMax}: ` +
        "read the partitions one by one",
      { facts: { limit: app.limits.httpReadPartitionsMax } },
    );
  }
  const cursor = cursorOf(exchange, query, description);
  const positions = new Map<PartitionId, StartOffset>();
  for (let partition = 0; partition < count; partition++) {
    const start = cursor === null ? undefined : cursorOffset(cursor, partition);
    positions.set(partition, start ?? await startOffset(app, topic, partition, query.from ?? "earliest"));
  }
  const first = cursor?.kind === "all" ? cursor.first : 0;
  const reader = new TopicReader(app, { topic, topicId: description.topicId, positions, first });
  const cursorText = (): string =>
    encodeCursor({ kind: "all", topicId: reader.topicId, first: reader.first, offsets: reader.positions() });
  const formPage = (page: Page) => ({
    ...pageRecords(page, exchange),
    cursor: cursorText(),
    tails: Object.fromEntries([...page.tails].sort(([a], [b]) => a - b)),
    ...(page.problems.length === 0 ? {} : { problems: page.problems.map((error) => problemOf(error, exchange.id)) }),
  });
  const options = pageOptions(app, query);
  if (isStream(exchange)) {
    return await streamRecords(app, exchange, reader, { ...streamOptions(query), page: options, formPage, cursorText });
  }
  return answer(exchange, 200, formPage(await readOnce(app, exchange, reader, options, query)));
}

/** One page. Only where there is nothing yet, and the caller is willing to, it waits. */
async function readOnce(
  app: HttpAppContext,
  exchange: Exchange,
  reader: TopicReader,
  options: ReturnType<typeof pageOptions>,
  query: ReadQuery,
): Promise<Page> {
  const page = await reader.readPage(options);
  const waitMs = (query.wait ?? 0) * 1_000;
  if (page.records.length > 0 || waitMs === 0 || exchange.isHead || app.admission.isStopping) return page;
  app.admission.beginWait(exchange.holding, () => reader.cancel());
  exchange.context.keepOpen();
  const signal = exchange.request.signal;
  const cancel = (): void => reader.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  if (signal.aborted) cancel();
  try {
    return await reader.readPage({ ...options, waitMs });
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

function pageOptions(app: HttpAppContext, query: ReadQuery) {
  const options = {
    recordsMax: Math.min(query.limit ?? app.limits.httpReadRecordsDefault, app.limits.httpReadRecordsMax),
    maxBytes: query.maxBytes,
    waitMs: 0,
    clamp: query.clamp === "true",
  };
  return query.to === undefined ? options : { ...options, to: query.to };
}

function streamOptions(query: ReadQuery): { readonly recordsMax: number; readonly idleMsMax: number } {
  return { recordsMax: query.limit ?? Infinity, idleMsMax: query.wait === undefined ? Infinity : query.wait * 1_000 };
}

function isStream(exchange: Exchange): boolean {
  return exchange.accepted !== "json" && exchange.accepted !== "cbor";
}

function partitionOf(path: PathParameters): PartitionId {
  const text = path["partition"] ?? "";
  const parsed = partitionPathSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new SentinelError("unknown_partition", `${JSON.stringify(text.slice(0, 100))} is no partition of any topic`);
}

/** The topic as it is now; with `topicId` only the incarnation that the caller means. */
function describe(app: HttpAppContext, topic: string, topicId: string | undefined): TopicDescription {
  const description = app.broker.describeTopic(topic);
  if (description === null) throw new SentinelError("unknown_topic", `Topic ${topic} does not exist`);
  if (topicId !== undefined && topicId !== description.topicId) throw otherTopic(topic, topicId, description.topicId);
  return description;
}

function otherTopic(topic: string, wanted: string, actual: string): SentinelError {
  return new SentinelError("topic_id_mismatch", `Topic ${topic} has the id ${actual}, not ${JSON.stringify(wanted)}`, {
    facts: { topicId: actual },
  });
}

/** The cursor of the request: an interrupted stream's `Last-Event-ID` is newer than the one in its URL. */
function cursorOf(exchange: Exchange, query: ReadQuery, description: TopicDescription): Cursor | null {
  const lastEventId = isStream(exchange) ? exchange.request.headers.get("last-event-id") : null;
  const text = lastEventId ?? query.cursor;
  if (text === undefined) return null;
  const cursor = decodeCursor(text);
  if (cursor === null) {
    const name = lastEventId === null ? "Parameter cursor" : "Last-Event-ID";
    throw new SentinelError(
      "invalid_parameter",
      `${name} is ${JSON.stringify(text.slice(0, 100))}, which is no cursor`,
    );
  }
  if (cursor.topicId !== description.topicId) throw otherTopic(description.name, cursor.topicId, description.topicId);
  const last = cursor.kind === "partition" ? cursor.partition : Math.max(cursor.first, cursor.offsets.length - 1);
  if (last >= description.partitions.length) {
    throw new SentinelError("invalid_parameter", `The cursor names partition ${last}, which the topic does not have`);
  }
  return cursor;
}

/** Undefined for a partition that the cursor says nothing about: one that was added later, or not read before. */
function cursorOffset(cursor: Cursor, partition: PartitionId): Offset | undefined {
  if (cursor.kind === "all") return cursor.offsets[partition];
  return cursor.partition === partition ? cursor.offset : undefined;
}

async function startOffset(
  app: HttpAppContext,
  topic: string,
  partition: PartitionId,
  from: string,
): Promise<StartOffset> {
  if (from === "earliest" || from === "latest") return from;
  const number = Number(from.startsWith("@") ? from.slice(1) : from);
  if (number > OFFSET_MAX) {
    throw new SentinelError("invalid_parameter", `Parameter from is ${from}, above the limit of ${OFFSET_MAX}`);
  }
  return from.startsWith("@") ? (await app.broker.offsetFor(topic, partition, number)).offset : number;
}
