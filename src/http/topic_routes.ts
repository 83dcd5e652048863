/** Topics: list, make, show, change, remove. */
import type { z } from "zod";
import { SentinelError } from "../base/errors.ts";
import { normalizeTopicConfig } from "../broker/topic_config.ts";
import type { CreateTopicOptions, TopicDescription } from "../broker/types.ts";
import { decodeBase64, encodeBase64Url } from "../bytes/base64.ts";
import { decodeUtf8, encodeUtf8 } from "../bytes/utf8.ts";
import type { CborInput } from "../cbor/encode_cbor.ts";
import { answer, commonHeaders, type Exchange } from "./exchange.ts";
import { type HttpAppContext, type PathParameters, topicOf } from "./http_app_context.ts";
import { queryReader } from "./query.ts";
import { readBody, readDocument } from "./request_body.ts";
import { alterTopicBodySchema, createTopicBodySchema, noQuerySchema, pageQuerySchema, TOPIC_NAME } from "./schemas.ts";

const readPageQuery = queryReader(pageQuerySchema);
const readNoQuery = queryReader(noQuerySchema);

/** The topics of one page, in order of their names, and the token of the next page if there is one. */
export function topicPage(
  app: HttpAppContext,
  url: string,
): { readonly names: readonly string[]; readonly next: { readonly nextPageToken?: string } } {
  const query = readPageQuery(url);
  const after = query.pageToken === undefined ? "" : nameOfToken(query.pageToken);
  const limit = Math.min(query.limit, app.limits.httpPageTopicsMax);
  const names: string[] = [];
  for (const name of app.broker.topicNames()) {
    if (name <= after) continue;
    if (names.length === limit) return { names, next: { nextPageToken: encodeBase64Url(encodeUtf8(names.at(-1)!)!) } };
    names.push(name);
  }
  return { names, next: {} };
}

export function listTopics(app: HttpAppContext, exchange: Exchange): Response {
  const { names, next } = topicPage(app, exchange.request.url);
  const topics: CborInput[] = [];
  for (const name of names) {
    const description = app.broker.describeTopic(name);
    if (description === null) continue;
    topics.push({ name, topicId: description.topicId, partitions: description.partitions.length });
  }
  return answer(exchange, 200, { topics, ...next });
}

export function showTopic(app: HttpAppContext, exchange: Exchange, path: PathParameters): Response {
  const topic = topicOf(path);
  readNoQuery(exchange.request.url);
  const description = app.broker.describeTopic(topic);
  if (description === null) throw new SentinelError("unknown_topic", `Topic ${topic} does not exist`);
  return answer(exchange, 200, topicForm(description));
}

/** 201 for a new topic, 200 when there is one and it is what was asked for, else `topic_exists`. */
export async function putTopic(app: HttpAppContext, exchange: Exchange, path: PathParameters): Promise<Response> {
  const topic = topicOf(path);
  readNoQuery(exchange.request.url);
  const wanted = await readTopicBody(app, exchange, createTopicBodySchema);
  const options: CreateTopicOptions = withoutUndefined(wanted);
  try {
    const made = await app.broker.createTopic(topic, options);
    return answer(exchange, 201, topicForm(made), { location: `/v1/topics/${topic}` });
  } catch (thrown) {
    if (!(thrown instanceof SentinelError) || thrown.code !== "topic_exists") throw thrown;
    const existing = app.broker.describeTopic(topic);
    const difference = existing === null ? "it was removed meanwhile" : differenceBetween(app, existing, options);
    if (existing !== null && difference === null) return answer(exchange, 200, topicForm(existing));
    throw new SentinelError("topic_exists", `Topic ${topic} exists and is another: ${difference}`);
  }
}

export async function patchTopic(app: HttpAppContext, exchange: Exchange, path: PathParameters): Promise<Response> {
  const topic = topicOf(path);
  readNoQuery(exchange.request.url);
  const change = await readTopicBody(app, exchange, alterTopicBodySchema);
  return answer(exchange, 200, topicForm(await app.broker.alterTopic(topic, withoutUndefined(change))));
}

export async function deleteTopic(app: HttpAppContext, exchange: Exchange, path: PathParameters): Promise<Response> {
  const topic = topicOf(path);
  readNoQuery(exchange.request.url);
  await app.broker.deleteTopic(topic);
  return new Response(null, { status: 204, headers: commonHeaders(exchange) });
}

/** No body at all asks for the defaults. */
async function readTopicBody<Schema extends z.ZodType>(
  app: HttpAppContext,
  exchange: Exchange,
  schema: Schema,
): Promise<z.output<Schema>> {
  const { request } = exchange;
  const isEmpty = request.headers.get("content-type") === null && (await readBody(app, exchange)).length === 0;
  const value = isEmpty ? {} : (await readDocument(app, exchange)).value;
  const config = typeof value === "object" && value !== null ? (value as { config?: unknown }).config : undefined;
  if (typeof config === "object" && config !== null && Object.hasOwn(config, "__proto__")) {
    // A schema drops this name without a word.
    throw new SentinelError("invalid_config", "There is no setting __proto__");
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.map((issue) => ({
    pointer: issue.path.map((name) => `/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`).join(""),
    detail: issue.message,
  }));
  const code = parsed.error.issues[0]!.path[0] === "config" ? "invalid_config" : "invalid_parameter";
  throw new SentinelError(code, `The topic is not valid: ${errors[0]!.pointer} ${errors[0]!.detail}`, { errors });
}

/** Optional members that are absent rather than undefined, as the broker's types want them. */
function withoutUndefined<Value extends object>(
  value: Value,
): { [Key in keyof Value]: Exclude<Value[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [Key in keyof Value]: Exclude<Value[Key], undefined>;
  };
}

/** What differs from a topic that is there, or null. What the request leaves open does not differ. */
function differenceBetween(app: HttpAppContext, existing: TopicDescription, wanted: CreateTopicOptions): string | null {
  const count = existing.partitions.length;
  if (wanted.partitions !== undefined && wanted.partitions !== -1 && wanted.partitions !== count) {
    return `it has ${count} partitions, not ${wanted.partitions}`;
  }
  const replicas = existing.partitions[0]?.replicas.length ?? 1;
  if (wanted.replicas !== undefined && wanted.replicas !== -1 && wanted.replicas !== replicas) {
    return `it has ${replicas} replicas, not ${wanted.replicas}`;
  }
  if (wanted.config === undefined) return null;
  // A setting that says the default is the same as none. What may be too small is the broker's to say, not ours.
  const durability = app.durability === "os" || app.durability === "interval" ? app.durability : "fsync";
  const defaults = app.broker.describeConfig({});
  const engine = defaults.find(({ name }) => name === "storage.engine")?.value === "lsm" ? "lsm" : "log";
  const config = normalizeTopicConfig(wanted.config, { durability, engine, segmentBytesMin: 0 });
  for (const name of new Set([...Object.keys(existing.config), ...Object.keys(config)])) {
    const [is, should] = [existing.config[name], config[name]];
    if (is !== should) return `its ${name} is ${is ?? "the default"}, not ${should ?? "the default"}`;
  }
  return null;
}

function topicForm(description: TopicDescription): CborInput {
  const { name, topicId, config, partitions } = description;
  return {
    name,
    topicId,
    config: { ...config },
    partitions: partitions.map((
      { partition, leader, epoch, replicas, isr, start, end, highWatermark, bytes, offline, damaged },
    ) => ({
      partition,
      leader,
      epoch,
      replicas,
      isr,
      start,
      end,
      highWatermark,
      bytes,
      ...(offline === undefined ? {} : { offline }),
      ...(damaged === undefined ? {} : { damaged }),
    })),
  };
}

/** The last name of the page before, which a token holds. */
function nameOfToken(token: string): string {
  const bytes = token.length > 400 ? null : decodeBase64(token);
  const name = bytes === null ? null : decodeUtf8(bytes);
  if (name !== null && TOPIC_NAME.test(name)) return name;
  throw new SentinelError(
    "invalid_parameter",
    `Parameter pageToken is ${JSON.stringify(token.slice(0, 100))}, which is no page`,
  );
}
