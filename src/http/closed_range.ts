/**
 * Answers that never change: `from` and `to` are both below the high watermark and every record between them is there.
 * They carry a strong ETag; what grows with the log (`tail`) is therefore a header and not in the body. With the topic's
 * id in the URL the answer may be kept for ever: no other topic can come to stand behind that URL.
 */
import type { Offset, PartitionId } from "../base/ids.ts";
import type { DurabilityReached, TopicDescription } from "../broker/types.ts";
import { crc32c } from "../bytes/crc32c.ts";
import { encodeUtf8 } from "../bytes/utf8.ts";
import { type CborInput, encodeCbor } from "../cbor/encode_cbor.ts";
import { asBody, commonHeaders, type Exchange } from "./exchange.ts";
import type { HttpAppContext } from "./http_app_context.ts";

export interface ClosedRange {
  readonly description: TopicDescription;
  readonly range: { readonly partition: PartitionId; readonly from: Offset; readonly to: Offset };
  readonly tail: Offset;
  /** Whether the URL names the topic's id. */
  readonly isPinned: boolean;
  readonly body: CborInput;
}

const IMMUTABLE = "public, max-age=31536000, immutable";
/** What survives the loss of power: only then is an offset never given to another record. */
const LASTING: ReadonlySet<string> = new Set<DurabilityReached>(["fsync", "quorum-fsync"]);

export function closedRangeAnswer(app: HttpAppContext, exchange: Exchange, closed: ClosedRange): Response {
  const isCbor = exchange.accepted === "cbor";
  const bytes = isCbor ? encodeCbor(closed.body) : encodeUtf8(JSON.stringify(closed.body))!;
  const { partition, from, to } = closed.range;
  const checksum = crc32c(bytes).toString(16).padStart(8, "0");
  const etag = `"${closed.description.topicId}-${partition}-${from}-${to}-${isCbor ? "c" : "j"}${checksum}"`;
  const headers: Record<string, string> = {
    ...commonHeaders(exchange),
    etag,
    vary: "accept",
    "log-tail": String(closed.tail),
  };
  if (closed.isPinned && isLasting(app, closed.description)) headers["cache-control"] = IMMUTABLE;
  if (matches(exchange.request.headers.get("if-none-match"), etag)) return new Response(null, { status: 304, headers });
  headers["content-type"] = isCbor ? "application/cbor" : "application/json";
  return new Response(asBody(bytes), { status: 200, headers });
}

function isLasting(app: HttpAppContext, description: TopicDescription): boolean {
  const isCompacted = (description.config["cleanup.policy"] ?? "delete").includes("compact");
  return !isCompacted && LASTING.has(description.config["durability"] ?? app.durability ?? "fsync");
}

/** `If-None-Match`: a list of tags, weak ones compared as if they were strong (RFC 9110 §13.1.2), or `*`. */
function matches(header: string | null, etag: string): boolean {
  if (header === null) return false;
  return header.trim() === "*" || header.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}
