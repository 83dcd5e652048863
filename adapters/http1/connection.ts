/** One HTTP connection: request after request, each with its time and its bounds. */
import { SentinelError } from "../../src/base/errors.ts";
import type { Clock } from "../../src/platform/clock.ts";
import type { HttpServerOptions, RequestContext } from "../../src/platform/http_server.ts";
import type { Connection } from "../../src/platform/network.ts";
import { CONTINUE, type DateHeader, writeAnswer, writeRefusal } from "./answer.ts";
import { BodyReader } from "./body.ts";
import { Deadline } from "./deadline.ts";
import { endOfHead, parseHead, type RefusedHead, type RequestHead } from "./head.ts";
import { Inbound } from "./inbound.ts";
import { bodyStream } from "./request_body.ts";

export type Handler = (request: Request, context: RequestContext) => Response | Promise<Response>;

/** A body up to this size is read before the handler is called: a stream for it would cost more than the rest. */
const WHOLE_BODY_BYTES_MAX = 64 * 1024;
/** After a refusal the rest of what the peer sends is read for this long: a reset would take the answer from it. */
const LINGER_MS = 1_000;
const LINGER_BYTES_MAX = 8 * 1024 * 1024;

/** What all connections of a server share. */
export interface ConnectionHost {
  readonly clock: Clock;
  readonly date: DateHeader;
  readonly handler: Handler;
  readonly options: HttpServerOptions;
  isStopping: boolean;
  openRequests: number;
  /** A request has ended. */
  onRequestEnd(): void;
}

export class HttpConnection {
  readonly #connection: Connection;
  readonly #host: ConnectionHost;
  readonly #inbound: Inbound;
  readonly #deadline: Deadline;
  #isKeptOpen = false;
  #isInRequest = false;
  #mustClose = false;
  #abort: AbortController | null = null;
  #stream: ReadableStreamDefaultReader<Uint8Array> | null = null;

  constructor(connection: Connection, host: ConnectionHost) {
    this.#connection = connection;
    this.#host = host;
    this.#inbound = new Inbound(connection);
    this.#deadline = new Deadline(host.clock, () => this.cut());
  }

  /** Serves until the connection ends. Never fails. */
  async serve(): Promise<void> {
    try {
      while (await this.#serveOne());
      this.#connection.close();
    } catch {
      // The peer has left, was too slow, or sent what is no HTTP: there is nobody to tell.
      this.#connection.close({ abort: true });
    } finally {
      this.#deadline.dispose();
      this.#leave(new SentinelError("shutting_down", "The connection has ended"));
    }
  }

  /** Ends the connection at once. */
  cut(): void {
    this.#connection.close({ abort: true });
    this.#leave(new SentinelError("timed_out", "The connection was cut"));
  }

  /** Ends the connection after its request, or now if there is none. */
  endAfterRequest(): void {
    this.#mustClose = true;
    if (!this.#isInRequest) this.#connection.close();
  }

  /** True when another request may follow. */
  async #serveOne(): Promise<boolean> {
    const head = await this.#readHead();
    if (head === null) return false;
    if ("refused" in head) {
      await writeRefusal(this.#connection, head.refused, head.reason, this.#host.date.text());
      await this.#linger();
      return false;
    }
    this.#isInRequest = true;
    this.#host.openRequests++;
    try {
      await this.#answer(head);
    } finally {
      this.#isInRequest = false;
      this.#host.openRequests--;
      this.#host.onRequestEnd();
    }
    if (this.#mustClose) await this.#linger();
    return !this.#mustClose;
  }

  async #readHead(): Promise<RequestHead | RefusedHead | null> {
    const { headerBytesMax, headerMsMax, idleMsMax } = this.#host.options;
    let hasBegun = this.#inbound.bytes.length > 0;
    this.#deadline.set(hasBegun ? headerMsMax : idleMsMax);
    let searched = 0;
    while (true) {
      // RFC 9112 §2.2: an empty line before a request is to be passed over.
      while (this.#inbound.bytes[0] === 13 && this.#inbound.bytes[1] === 10) this.#inbound.take(2);
      const end = endOfHead(this.#inbound.bytes, searched);
      if (end > headerBytesMax || (end < 0 && this.#inbound.bytes.length > headerBytesMax)) {
        return { refused: 431, reason: `The header block is larger than ${headerBytesMax} bytes` };
      }
      if (end >= 0) return parseHead(this.#inbound.take(end + 4).subarray(0, end));
      searched = this.#inbound.bytes.length - 3;
      if (!(await this.#inbound.more())) return null;
      // From the first byte, not from the last: a peer that drips gets no more time.
      if (!hasBegun) this.#deadline.set(headerMsMax);
      hasBegun = true;
    }
  }

  async #answer(head: RequestHead): Promise<void> {
    const { options, handler } = this.#host;
    const reader = new BodyReader(this.#inbound, head.body, options.bodyBytesMax);
    this.#isKeptOpen = false;
    if (!head.keepAlive || this.#host.isStopping) this.#mustClose = true;
    if (head.expectsContinue && this.#inbound.bytes.length === 0) await this.#connection.write([CONTINUE]);
    const isSmall = head.body.kind === "length" &&
      head.body.bytes <= Math.min(WHOLE_BODY_BYTES_MAX, options.bodyBytesMax);
    this.#deadline.set(isSmall && !reader.isDone ? options.bodyMsMax : options.idleMsMax);
    const body = isSmall ? await readWhole(reader) : this.#bodyStream(reader);
    this.#deadline.set(options.idleMsMax);
    const response = await this.#handle(head, body, handler);
    if (!reader.isDone) this.#mustClose = true;
    await writeAnswer(response, {
      method: head.method,
      mayChunk: head.isVersion11,
      date: this.#host.date.text(),
      closes: () => this.#mustClose ||= this.#host.isStopping,
      write: (slices) => this.#write(slices),
      onStream: (stream) => this.#stream = stream,
    });
    this.#stream = null;
    this.#abort = null;
  }

  async #handle(
    head: RequestHead,
    body: Uint8Array | ReadableStream<Uint8Array> | null,
    handler: Handler,
  ): Promise<Response> {
    let request: Request;
    try {
      const mayHaveBody = body !== null && head.method !== "GET" && head.method !== "HEAD";
      request = new Request(head.url, {
        method: head.method,
        headers: head.headers as [string, string][],
        ...(mayHaveBody ? { body: body as BodyInit, duplex: "half" } : {}),
      });
    } catch {
      // What the parser let through and a Request does not take.
      this.#mustClose = true;
      return new Response(null, { status: 400 });
    }
    // A signal is made when somebody asks for it: most handlers do not, and it costs as much as the parsing.
    Object.defineProperty(request, "signal", { get: () => (this.#abort ??= new AbortController()).signal });
    try {
      return await handler(request, { peer: this.#connection.peer, keepOpen: () => this.#keepOpen() });
    } catch {
      return new Response(null, { status: 500 });
    }
  }

  #keepOpen(): void {
    if (this.#isKeptOpen) return;
    this.#isKeptOpen = true;
    this.#deadline.clear();
    // Somebody has to notice that the peer has left while nothing is written. What it sends on is kept for later.
    const gone = (): void => this.#leave(new SentinelError("shutting_down", "The peer has left"));
    this.#inbound.more().then((hasMore) => hasMore || gone(), gone);
  }

  #bodyStream(reader: BodyReader): ReadableStream<Uint8Array> {
    const { bodyMsMax, idleMsMax } = this.#host.options;
    return bodyStream({
      clock: this.#host.clock,
      bodyMsMax,
      next: () => reader.next(),
      onProgress: () => {
        if (!this.#isKeptOpen) this.#deadline.set(idleMsMax);
      },
      onGivenUp: () => this.#mustClose = true,
    });
  }

  async #write(slices: readonly Uint8Array[]): Promise<void> {
    // Also for what is kept open: a peer that takes nothing holds bytes that others need.
    this.#deadline.set(this.#host.options.idleMsMax);
    await this.#connection.write(slices);
    if (this.#isKeptOpen) this.#deadline.clear();
  }

  /** Tells whoever works for this connection that nobody waits for it any more. */
  #leave(reason: SentinelError): void {
    this.#abort?.abort(reason);
    this.#stream?.cancel(reason).catch(() => {});
    this.#abort = null;
    this.#stream = null;
  }

  /** Reads what the peer still sends, for a while, so that closing does not reset the answer away. */
  async #linger(): Promise<void> {
    let leftBytes = LINGER_BYTES_MAX;
    this.#deadline.set(LINGER_MS);
    if (this.#isKeptOpen || this.#inbound.bytes.length === 0) return;
    while (leftBytes > 0) {
      leftBytes -= this.#inbound.bytes.length;
      this.#inbound.take(this.#inbound.bytes.length);
      if (!(await this.#inbound.more())) return;
    }
  }
}

/** A small body in one piece, null when there is none. */
async function readWhole(reader: BodyReader): Promise<Uint8Array | null> {
  const first = await reader.next();
  if (first === null || reader.isDone) return first;
  const pieces = [first];
  for (let next = await reader.next(); next !== null; next = await reader.next()) pieces.push(next);
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
