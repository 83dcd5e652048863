/**
 * Answers that never change: `from` and `to` are both below the high watermark and every record between them is there.
 * They carry a strong ETag; what grows with the log (`tail`) is therefore a header and not in the body. With the topic's
 * id in the URL the answer may be kept for ever: no other topic can come to stand behind that URL.
 */
import type { Offset, PartitionId } from "../base/ids.ts";
import type { DurabilityReached, TopicDescription } from "../broker/types.ts";
import type { CborInput } from "../cbor/encode_cbor.ts";
import { taggedAnswer } from "./entity_tag.ts";
import type { Exchange } from "./exchange.ts";
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
  const { partition, from, to } = closed.range;
  const headers: Record<string, string> = { "log-tail": String(closed.tail) };
  if (closed.isPinned && isLasting(app, closed.description)) headers["cache-control"] = IMMUTABLE;
  const name = `${closed.description.topicId}-${partition}-${from}-${to}`;
  return taggedAnswer(exchange, { name, body: closed.body }, headers);
}

function isLasting(app: HttpAppContext, description: TopicDescription): boolean {
  const isCompacted = (description.config["cleanup.policy"] ?? "delete").includes("compact");
  return !isCompacted && LASTING.has(description.config["durability"] ?? app.durability ?? "fsync");
}
