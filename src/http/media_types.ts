/** Which form an answer takes (`Accept`) and which form a body has (`Content-Type`). */

/** Forms of an answer that is one document. */
export type DocumentFormat = "json" | "cbor";
/** Forms of an answer that is a stream of records. */
export type StreamFormat = "events" | "ndjson" | "cbor-seq";

const FORMATS: ReadonlyMap<string, DocumentFormat | StreamFormat> = new Map<string, DocumentFormat | StreamFormat>([
  ["application/json", "json"],
  ["application/problem+json", "json"],
  ["application/*", "json"],
  ["*/*", "json"],
  ["application/cbor", "cbor"],
  ["application/problem+cbor", "cbor"],
  ["text/event-stream", "events"],
  ["application/x-ndjson", "ndjson"],
  ["application/cbor-seq", "cbor-seq"],
]);

export const STREAM_CONTENT_TYPES: Readonly<Record<StreamFormat, string>> = {
  events: "text/event-stream",
  ndjson: "application/x-ndjson",
  "cbor-seq": "application/cbor-seq",
};

/**
 * The form that `Accept` likes best, of equals the first. What it does not name or we cannot give is answered in JSON:
 * an answer in an unwanted form says more than a refusal.
 */
export function acceptedFormat(accept: string | null): DocumentFormat | StreamFormat {
  if (accept === null || accept === "*/*" || accept === "application/json") return "json";
  if (accept === "application/cbor") return "cbor";
  let best: DocumentFormat | StreamFormat = "json";
  let bestQuality = 0;
  for (const part of accept.split(",")) {
    const parameters = part.split(";");
    const format = FORMATS.get(parameters[0]!.trim().toLowerCase());
    if (format === undefined) continue;
    const quality = qualityOf(parameters);
    if (quality > bestQuality) {
      best = format;
      bestQuality = quality;
    }
  }
  return best;
}

/** The form of a document when records are asked for as a stream: problems come before the stream starts. */
export function documentFormat(format: DocumentFormat | StreamFormat): DocumentFormat {
  return format === "cbor" || format === "cbor-seq" ? "cbor" : "json";
}

/** The form of a request's body, or null when it is none that we read. */
export function bodyFormat(contentType: string | null): DocumentFormat | null {
  if (contentType === "application/json") return "json";
  if (contentType === "application/cbor") return "cbor";
  if (contentType === null) return null;
  const parameters = contentType.split(";");
  const type = parameters[0]!.trim().toLowerCase();
  if (type === "application/cbor") return "cbor";
  if (type !== "application/json") return null;
  for (const parameter of parameters.slice(1)) {
    const text = parameter.trim().toLowerCase();
    if (text.startsWith("charset=") && text !== "charset=utf-8" && text !== 'charset="utf-8"') return null;
  }
  return "json";
}

/** The `q` of a media range, 1 when it has none, 0 when it cannot be read. */
function qualityOf(parameters: readonly string[]): number {
  for (const parameter of parameters.slice(1)) {
    const text = parameter.trim().toLowerCase();
    if (!text.startsWith("q=")) continue;
    return /^(0(\.[0-9]{0,3})?|1(\.0{0,3})?)$/.test(text.slice(2)) ? Number(text.slice(2)) : 0;
  }
  return 1;
}
