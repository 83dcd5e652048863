import type { Address, Listener } from "./network.ts";

/** What the handler learns of a request besides the `Request` itself. */
export interface RequestContext {
  /** `host:port` of the caller. */
  readonly peer: string;
  /** Says that this request may stay open longer than an ordinary one: a long poll or a stream. */
  keepOpen(): void;
  /**
   * The body, whole; empty when there is none. Once a request: the `Request` itself has no body to be read, since a
   * stream in between costs more than everything else. `onBytes` hears of bytes before they are kept, and what it throws
   * ends the reading. Fails with `too_large`, `timed_out`, or `invalid_request` when the body is damaged or cut off.
   */
  readBody(onBytes?: (count: number) => void): Promise<Uint8Array>;
}

export interface HttpServerOptions {
  /** Time for a request's headers to arrive whole; the connection is cut after it. */
  readonly headerMsMax: number;
  /** A connection without a request, or without progress of one that did not say `keepOpen`, is cut after it. */
  readonly idleMsMax: number;
  /** A request with a larger header block is refused with 431. */
  readonly headerBytesMax: number;
  /** `readBody` fails above it, whatever the declared length says. */
  readonly bodyBytesMax: number;
  /** Time for a body to arrive whole. */
  readonly bodyMsMax: number;
  /** A request that said `keepOpen` and whose caller takes nothing of its answer for this long is cut. */
  readonly writeStallMsMax: number;
  /** Above it a connection is not served: closed, or (where only requests can be counted) answered 503. */
  readonly connectionsMax: number;
}

export interface HttpListener extends Listener {
  /** Requests and streams that are open now. */
  openRequests(): number;
  /** Takes no more requests, waits at most `deadlineMs` for those in work, then cuts them. */
  stop(deadlineMs: number): Promise<void>;
}

/** An HTTP server as the core needs it: the core writes the handler, the adapter brings the sockets. */
export interface HttpServer {
  listen(
    address: Address,
    handler: (request: Request, context: RequestContext) => Response | Promise<Response>,
    options: HttpServerOptions,
  ): Promise<HttpListener>;
}
