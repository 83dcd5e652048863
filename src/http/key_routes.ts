/** `GET /v1/topics/{topic}/keys/{key}`: the newest committed record of a key in a compacted topic. */
import { SentinelError } from "../base/errors.ts";
import type { KeyLookup } from "../broker/key_index/keys_api.ts";
import { decodeBase64Url } from "../bytes/base64.ts";
import { encodeUtf8 } from "../bytes/utf8.ts";
import { taggedAnswer } from "./entity_tag.ts";
import type { Exchange } from "./exchange.ts";
import { type HttpAppContext, type PathParameters, topicOf } from "./http_app_context.ts";
import { documentFormat } from "./media_types.ts";
import { recordForm } from "./page_form.ts";
import { problemResponse } from "./problem.ts";
import { queryReader } from "./query.ts";
import { lookUpQuerySchema } from "./schemas.ts";

const readLookUpQuery = queryReader(lookUpQuerySchema);

/** The key as it was sent: the router decodes what it can and passes the rest, and a key must be one or the other. */
const KEY_IN_URL = /\/v1\/topics\/[^/]*\/keys\/([^/?#]*)/;

export async function lookUpKey(app: HttpAppContext, exchange: Exchange, path: PathParameters): Promise<Response> {
  const topic = topicOf(path);
  const { keyEncoding, partition, wait } = readLookUpQuery(exchange.request.url);
  const key = keyOf(app, exchange.request.url, keyEncoding);
  const found = await waitingLookup(exchange, (onWait) =>
    app.broker.keys.lookUp({
      topic,
      key,
      ...(partition === undefined ? {} : { partition }),
      waitMs: wait === undefined ? app.limits.keyLookupWaitMsDefault : wait * 1_000,
      onWait: (cancel) => {
        if (app.admission.isStopping) throw new SentinelError("shutting_down", "The broker is stopping");
        app.admission.beginWait(exchange.holding, cancel);
        exchange.context.keepOpen();
        onWait(cancel);
      },
    }));
  const headers = { "log-tail": String(found.highWatermark) };
  if (found.record === null) return notFound(exchange, topic, found, headers);
  return taggedAnswer(exchange, {
    name: `${found.topicId}-${found.partition}-${found.record.offset}`,
    body: recordForm({ record: found.record, partition: found.partition }, exchange),
    // To be asked for again each time, and to be kept meanwhile: most answers are a 304.
  }, { ...headers, "cache-control": "no-cache" });
}

/** A caller that has gone waits for nothing. */
async function waitingLookup(
  exchange: Exchange,
  begin: (onWait: (cancel: () => void) => void) => Promise<KeyLookup>,
): Promise<KeyLookup> {
  const { signal } = exchange.request;
  let onAbort: (() => void) | null = null;
  try {
    return await begin((cancel) => {
      onAbort = cancel;
      signal.addEventListener("abort", cancel, { once: true });
      if (signal.aborted) cancel();
    });
  } finally {
    if (onAbort !== null) signal.removeEventListener("abort", onAbort);
  }
}

function keyOf(app: HttpAppContext, url: string, encoding: "text" | "base64url"): Uint8Array {
  const sent = KEY_IN_URL.exec(url)?.[1] ?? "";
  const key = encoding === "text" ? keyOfText(sent) : decodeBase64Url(sent);
  if (key === null) {
    const form = encoding === "text"
      ? "percent-encoded UTF-8; with keyEncoding=base64url any bytes can be sent"
      : encoding;
    throw new SentinelError("invalid_parameter", `The key ${JSON.stringify(sent.slice(0, 100))} is not ${form}`);
  }
  const limit = app.limits.httpKeyBytesMax;
  if (key.length <= limit) return key;
  throw new SentinelError(
    "invalid_parameter",
    `The key has ${key.length} bytes, and the limit keyBytesMax is ${limit}`,
    { facts: { limit } },
  );
}

function keyOfText(sent: string): Uint8Array | null {
  try {
    return encodeUtf8(decodeURIComponent(sent));
  } catch {
    return null;
  }
}

function notFound(
  exchange: Exchange,
  topic: string,
  { partition, highWatermark }: KeyLookup,
  headers: Readonly<Record<string, string>>,
): Response {
  const error = new SentinelError(
    "key_not_found",
    `There is no record with this key in ${topic}-${partition} up to offset ${highWatermark}`,
    { facts: { partition, highWatermark } },
  );
  return problemResponse(error, { id: exchange.id, format: documentFormat(exchange.accepted) }, headers);
}
