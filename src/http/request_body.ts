/** Reads a request's body under its bounds and turns it into a value. Total: any bytes give a value or a fault. */
import { SentinelError } from "../base/errors.ts";
import { decodeUtf8 } from "../bytes/utf8.ts";
import { decodeCbor } from "../cbor/decode_cbor.ts";
import type { Codec, Compression } from "../platform/compression.ts";
import type { Admission } from "./admission.ts";
import type { Exchange } from "./exchange.ts";
import type { HttpLimits } from "./http_options.ts";
import { jsonDepthExceeds } from "./json_depth.ts";
import { bodyFormat, type DocumentFormat } from "./media_types.ts";

/** What reading a body needs besides the request. */
export interface BodyReader {
  readonly admission: Admission;
  readonly compression: Compression;
  readonly limits: HttpLimits;
}

/** Content encodings that we open, by the codec that opens them. */
const ENCODINGS: ReadonlyMap<string, Codec> = new Map<string, Codec>([["gzip", "gzip"], ["x-gzip", "gzip"], [
  "zstd",
  "zstd",
]]);

/** The whole body, its content encoding opened. */
export async function readBody(reader: BodyReader, exchange: Exchange): Promise<Uint8Array> {
  const headers = exchange.request.headers;
  const encoding = headers.get("content-encoding");
  const codec = encoding === null ? null : codecOf(encoding);
  const bytes = await readWhole(reader, exchange);
  return codec === null ? bytes : await open(reader, exchange, codec, bytes);
}

/** The value in a JSON or CBOR body, and in which of the two it came. */
export async function readDocument(
  reader: BodyReader,
  exchange: Exchange,
): Promise<{ readonly format: DocumentFormat; readonly value: unknown }> {
  const contentType = exchange.request.headers.get("content-type");
  const format = bodyFormat(contentType);
  if (format === null) {
    const named = contentType === null ? "There is no content type" : `Content type ${JSON.stringify(contentType)}`;
    throw new SentinelError("unsupported_media_type", `${named}; this takes application/json or application/cbor`);
  }
  const bytes = await readBody(reader, exchange);
  return { format, value: format === "json" ? parseJson(bytes, reader.limits) : parseCbor(bytes, reader.limits) };
}

function parseJson(bytes: Uint8Array, limits: HttpLimits): unknown {
  if (jsonDepthExceeds(bytes, limits.bodyDepthMax)) throw tooDeep(limits);
  const text = decodeUtf8(bytes);
  if (text === null) throw new SentinelError("invalid_request", "The body is not UTF-8");
  try {
    return JSON.parse(text);
  } catch {
    // The runtime's own words differ from one to the next and may quote the body.
    throw new SentinelError("invalid_request", bytes.length === 0 ? "The body is empty" : "The body is not JSON");
  }
}

function parseCbor(bytes: Uint8Array, limits: HttpLimits): unknown {
  const decoded = decodeCbor(bytes, { depthMax: limits.bodyDepthMax });
  if ("fault" in decoded) {
    throw new SentinelError("invalid_request", `The body is not CBOR that we take: ${decoded.fault}`);
  }
  return decoded.value;
}

function tooDeep(limits: HttpLimits): SentinelError {
  return new SentinelError("invalid_request", `The body is nested deeper than the limit of ${limits.bodyDepthMax}`, {
    facts: { limit: limits.bodyDepthMax },
  });
}

/** Counted against the budget of all bodies while it comes, before it is kept. */
async function readWhole({ admission, limits }: BodyReader, exchange: Exchange): Promise<Uint8Array> {
  let length = 0;
  try {
    return await exchange.context.readBody((count) => {
      length += count;
      if (length > limits.httpBodyBytesMax) throw tooLarge(limits, `${length} bytes or more`);
      admission.reserveBody(exchange.holding, count);
    });
  } catch (thrown) {
    throw bodyFault(thrown);
  }
}

async function open(reader: BodyReader, exchange: Exchange, codec: Codec, bytes: Uint8Array): Promise<Uint8Array> {
  let opened: Uint8Array;
  try {
    opened = await reader.compression.decompress(codec, bytes, reader.limits.httpBodyBytesMax);
  } catch (thrown) {
    if (thrown instanceof SentinelError && thrown.code === "too_large") {
      throw tooLarge(reader.limits, `more than ${reader.limits.httpBodyBytesMax} bytes when it is opened`);
    }
    if (thrown instanceof SentinelError && thrown.code === "corrupt_batch") {
      throw new SentinelError("invalid_request", `The body is not ${codec}, which its content encoding says`);
    }
    throw thrown;
  }
  reader.admission.reserveBody(exchange.holding, opened.length);
  return opened;
}

function codecOf(encoding: string): Codec | null {
  const name = encoding.trim().toLowerCase();
  if (name === "" || name === "identity") return null;
  const codec = ENCODINGS.get(name);
  if (codec !== undefined) return codec;
  throw new SentinelError(
    "unsupported_media_type",
    `Content encoding ${JSON.stringify(encoding)} is not supported; gzip and zstd are`,
  );
}

function tooLarge(limits: HttpLimits, what: string): SentinelError {
  return new SentinelError(
    "too_large",
    `The body has ${what}, and the limit bodyBytesMax is ${limits.httpBodyBytesMax}`,
    {
      facts: { limit: limits.httpBodyBytesMax },
    },
  );
}

/** Why a body did not arrive: the server's own verdict when it gave one, else the caller broke off. */
function bodyFault(thrown: unknown): SentinelError {
  if (thrown instanceof SentinelError) return thrown;
  return new SentinelError("invalid_request", "The body did not arrive whole", { cause: thrown });
}
