/** The broker itself: its limits, its nodes, its health, its metrics. */
import { SentinelError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { CborInput } from "../cbor/encode_cbor.ts";
import { renderMetrics } from "../metrics/render_metrics.ts";
import { answer, commonHeaders, type Exchange } from "./exchange.ts";
import type { HttpAppContext } from "./http_app_context.ts";
import { queryReader } from "./query.ts";
import { noQuerySchema } from "./schemas.ts";
import { topicPage } from "./topic_routes.ts";

const readNoQuery = queryReader(noQuerySchema);

export function showLimits(app: HttpAppContext, exchange: Exchange): Response {
  readNoQuery(exchange.request.url);
  const { limits } = app;
  return answer(exchange, 200, {
    recordsMax: limits.httpRecordsMax,
    bodyBytesMax: limits.httpBodyBytesMax,
    bodyDepthMax: limits.bodyDepthMax,
    recordHeadersMax: LIMITS.recordHeadersMax,
    batchBytesDefaultMax: LIMITS.batchBytesDefaultMax,
    readRecordsMax: limits.httpReadRecordsMax,
    readRecordsDefault: limits.httpReadRecordsDefault,
    readBytesMax: limits.fetchBytesMax,
    readBytesDefault: limits.fetchBytesDefault,
    readPartitionsMax: limits.httpReadPartitionsMax,
    keyBytesMax: limits.httpKeyBytesMax,
    waitSecondsMax: limits.httpWaitSecondsMax,
    waitsMax: limits.httpWaitsMax,
    requestsInWorkMax: limits.httpRequestsInWorkMax,
    pageTopicsMax: limits.httpPageTopicsMax,
    idempotencyKeyCharsMax: LIMITS.idempotencyKeyCharsMax,
    idempotencyKeysMax: LIMITS.idempotencyKeysMax,
    idempotencyKeepSeconds: LIMITS.idempotencyKeepMs / 1_000,
    topicNameCharsMax: LIMITS.topicNameCharsMax,
    topicPartitionsMax: LIMITS.topicPartitionsMax,
  });
}

/** Nodes and controller, and page by page the leader of each partition. */
export function showCluster(app: HttpAppContext, exchange: Exchange): Response {
  const { names, next } = topicPage(app, exchange.request.url);
  const { clusterId, controller, nodes } = app.broker.describeCluster();
  const leaders: CborInput[] = [];
  for (const topic of names) {
    const description = app.broker.describeTopic(topic);
    if (description !== null) leaders.push({ topic, leaders: description.partitions.map(({ leader }) => leader) });
  }
  return answer(exchange, 200, {
    clusterId,
    controller,
    nodes: nodes.map(({ id, host, port, http }) => ({ id, host, port, http })),
    leaders,
    ...next,
  });
}

/** The process answers. */
export function showLife(_app: HttpAppContext, exchange: Exchange): Response {
  return answer(exchange, 200, { status: "ok" });
}

/** The broker takes work. */
export function showReadiness(app: HttpAppContext, exchange: Exchange): Response {
  if (app.broker.isReady && !app.admission.isStopping) return answer(exchange, 200, { status: "ok" });
  throw new SentinelError("shutting_down", "The broker is not ready: recovery is not done yet, or it is stopping");
}

export function showMetrics(app: HttpAppContext, exchange: Exchange): Response {
  const text = renderMetrics(app.broker, {
    nowMonotonicMs: app.clock.monotonicMs(),
    activeConnections: app.activeConnections?.() ?? 0,
    httpRequestsInWork: app.admission.requestsInWork,
    httpWaits: app.admission.waits,
  });
  const headers = { ...commonHeaders(exchange), "content-type": "text/plain; charset=utf-8" };
  return new Response(text, { status: 200, headers });
}
