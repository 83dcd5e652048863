/** What `node:http` has read of a request, as the `Request` that a handler gets. */
import type { IncomingMessage } from "node:http";
import { SentinelError } from "../../src/base/errors.ts";
import type { Clock } from "../../src/platform/clock.ts";
import { bodyStream, bodyTooLarge } from "./request_body.ts";

/** A body up to this size is read before the handler is called: a stream for it would cost more than the rest. */
const WHOLE_BODY_BYTES_MAX = 64 * 1024;
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(?::[0-9]{1,5})?$/;
const ABSOLUTE_TARGET = /^https?:\/\/[^/?#]+/i;

export interface RequestHead {
  readonly url: string;
  readonly headers: [name: string, value: string][];
}

/** The head, or the status with which it is refused: what the parser takes and two readers could understand in two ways. */
export function readHead(incoming: IncomingMessage, headerBytesMax: number): RequestHead | number {
  const { rawHeaders, method = "", url: target = "" } = incoming;
  const headers: [string, string][] = [];
  let host: string | null = null;
  let headerBytes = method.length + target.length + 12;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!;
    const value = rawHeaders[index + 1]!;
    headerBytes += name.length + value.length + 4;
    if (name.length === 4 && name.toLowerCase() === "host") {
      // Which of two a proxy went by cannot be known (RFC 9112 §3.2).
      if (host !== null) return 400;
      host = value;
    }
    headers.push([name, value]);
  }
  // Only "chunked" has a meaning here, which HTTP/1.0 does not know (RFC 9112 §6.1); the parser looks at the end alone.
  const encoding = incoming.headers["transfer-encoding"];
  if (encoding !== undefined && (encoding.toLowerCase() !== "chunked" || incoming.httpVersion === "1.0")) return 400;
  // The parser counts names and values only: many short headers take far more room than it thinks.
  if (headerBytes > headerBytesMax) return 431;
  const url = absoluteUrl(target, host ?? "localhost");
  return url === null || (host !== null && !HOST.test(host)) ? 400 : { url, headers };
}

function absoluteUrl(target: string, host: string): string | null {
  const url = target.startsWith("/") ? `http://${host}${target}` : target === "*" ? `http://${host}/*` : target;
  return ABSOLUTE_TARGET.test(url) && URL.canParse(url) ? url : null;
}

export interface BodyBounds {
  readonly clock: Clock;
  readonly bodyBytesMax: number;
  readonly bodyMsMax: number;
}

/** The body, bounded in bytes and in time; null when there is none. Fails when the connection ends within a small one. */
export function readBody(
  incoming: IncomingMessage,
  bounds: BodyBounds,
): Promise<Uint8Array<ArrayBuffer>> | ReadableStream<Uint8Array<ArrayBuffer>> | null {
  const { "content-length": declared, "transfer-encoding": encoding } = incoming.headers;
  const length = encoding === undefined ? Number(declared ?? 0) : Infinity;
  if (length === 0) return null;
  if (length <= Math.min(WHOLE_BODY_BYTES_MAX, bounds.bodyBytesMax)) return readWhole(incoming, length);
  return streamBody(incoming, declared === undefined ? 0 : length, bounds);
}

function readWhole(incoming: IncomingMessage, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const whole = new Uint8Array(length);
  let at = 0;
  return new Promise((resolve, reject) => {
    incoming.on("data", (piece: Uint8Array) => {
      whole.set(piece, at);
      at += piece.length;
    });
    incoming.on("end", () => resolve(whole));
    incoming.on("error", reject);
    incoming.on("close", () => {
      if (at < length) reject(cutOff());
    });
  });
}

function streamBody(incoming: IncomingMessage, declaredBytes: number, bounds: BodyBounds) {
  let wake: () => void = () => {};
  let isEnded = false;
  let isBroken = false;
  incoming.on("readable", () => wake());
  incoming.on("end", () => {
    isEnded = true;
    wake();
  });
  const broken = (): void => {
    isBroken = true;
    wake();
  };
  incoming.on("error", broken);
  incoming.on("close", broken);
  let givenBytes = 0;
  const next = async (): Promise<Uint8Array<ArrayBuffer> | null> => {
    if (declaredBytes > bounds.bodyBytesMax) throw bodyTooLarge(bounds.bodyBytesMax);
    while (true) {
      const piece = incoming.read() as Uint8Array<ArrayBuffer> | null;
      if (piece !== null) {
        givenBytes += piece.length;
        if (givenBytes > bounds.bodyBytesMax) throw bodyTooLarge(bounds.bodyBytesMax);
        return new Uint8Array(piece.buffer, piece.byteOffset, piece.length);
      }
      if (isEnded) return null;
      if (isBroken) throw cutOff();
      await new Promise<void>((resolve) => wake = resolve);
    }
  };
  return bodyStream({ clock: bounds.clock, bodyMsMax: bounds.bodyMsMax, next, onGivenUp: () => {} });
}

const cutOff = (): SentinelError =>
  new SentinelError("invalid_request", "The body cannot be read: it is damaged or cut off");
