/** One request on its way through the app, and the answers that it can get. */
import type { RequestContext } from "../platform/http_server.ts";
import { type CborInput, encodeCbor } from "../cbor/encode_cbor.ts";
import type { Holding } from "./admission.ts";
import { acceptedFormat, type DocumentFormat, documentFormat, type StreamFormat } from "./media_types.ts";

export class Exchange {
  /** Names the request in the answer's `X-Request-Id`, in problems and in the log. */
  readonly id: string;
  readonly request: Request;
  readonly context: RequestContext;
  readonly holding: Holding;
  /** Set when the answer is a stream: the request leaves when that ends, not when the answer starts. */
  isStreaming = false;
  #accepted: DocumentFormat | StreamFormat | null = null;

  constructor(id: string, request: Request, context: RequestContext, holding: Holding) {
    this.id = id;
    this.request = request;
    this.context = context;
    this.holding = holding;
  }

  /** The form that the caller asked for. */
  get accepted(): DocumentFormat | StreamFormat {
    this.#accepted ??= acceptedFormat(this.request.headers.get("accept"));
    return this.#accepted;
  }

  get isHead(): boolean {
    return this.request.method === "HEAD";
  }
}

/** An answer of one document, in the form that the caller asked for. */
export function answer(
  exchange: Exchange,
  status: number,
  value: CborInput,
  headers?: Readonly<Record<string, string>>,
): Response {
  if (documentFormat(exchange.accepted) === "json") return answerJson(exchange, status, JSON.stringify(value), headers);
  return new Response(asBody(encodeCbor(value)), {
    status,
    headers: { ...commonHeaders(exchange), "content-type": "application/cbor", ...headers },
  });
}

/** An answer whose JSON text is there already: the short way of produce and read. */
export function answerJson(
  exchange: Exchange,
  status: number,
  text: string,
  headers?: Readonly<Record<string, string>>,
): Response {
  const all = commonHeaders(exchange);
  all["content-type"] = "application/json";
  return new Response(text, { status, headers: headers === undefined ? all : { ...all, ...headers } });
}

/** On every answer. Nothing may be kept by a cache unless a route says otherwise, and no browser may guess at its type. */
export function commonHeaders(exchange: { readonly id: string }): Record<string, string> {
  return { "x-request-id": exchange.id, "x-content-type-options": "nosniff", "cache-control": "no-store" };
}

/** The web types want to know that no other thread shares the bytes; ours never do. */
export function asBody(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
