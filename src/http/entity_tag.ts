/** Answers with a strong `ETag`, for callers that have an earlier one (RFC 9110 §8.8.3). */
import { crc32c } from "../bytes/crc32c.ts";
import { encodeUtf8 } from "../bytes/utf8.ts";
import { type CborInput, encodeCbor } from "../cbor/encode_cbor.ts";
import { asBody, commonHeaders, type Exchange } from "./exchange.ts";
import { documentFormat } from "./media_types.ts";

export interface TaggedContent {
  /** Names what is answered. With the content's checksum it is the tag: below `fsync` an offset may be given again. */
  readonly name: string;
  readonly body: CborInput;
}

/** 200 with the content, or 304 when the caller has it. What may differ at the same content belongs into `headers`. */
export function taggedAnswer(
  exchange: Exchange,
  { name, body }: TaggedContent,
  headers: Readonly<Record<string, string>>,
): Response {
  const isCbor = documentFormat(exchange.accepted) === "cbor";
  const bytes = isCbor ? encodeCbor(body) : encodeUtf8(JSON.stringify(body))!;
  const checksum = crc32c(bytes).toString(16).padStart(8, "0");
  const etag = `"${name}-${isCbor ? "c" : "j"}${checksum}"`;
  const all: Record<string, string> = { ...commonHeaders(exchange), etag, vary: "accept", ...headers };
  if (matches(exchange.request.headers.get("if-none-match"), etag)) {
    return new Response(null, { status: 304, headers: all });
  }
  all["content-type"] = isCbor ? "application/cbor" : "application/json";
  return new Response(asBody(bytes), { status: 200, headers: all });
}

/** `If-None-Match`: a list of tags, weak ones compared as if they were strong (RFC 9110 §13.1.2), or `*`. */
function matches(header: string | null, etag: string): boolean {
  if (header === null) return false;
  return header.trim() === "*" || header.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}
