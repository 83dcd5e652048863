/** What `node:http` has read of a request, as the `Request` that a handler gets. */
import type { IncomingMessage } from "node:http";
import { SentinelError } from "../../src/base/errors.ts";
import { concatBytes } from "../../src/bytes/concat.ts";
import type { Cancel } from "../../src/platform/clock.ts";
import type { Deadlines } from "./deadlines.ts";
import { bodyTooLarge, bodyTooSlow } from "./body_bounds.ts";

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
  /** Of `bodyMsMax`, and shared by the requests of a listener. */
  readonly deadlines: Deadlines;
  readonly bodyBytesMax: number;
  readonly bodyMsMax: number;
}

/** The body, whole, bounded in bytes and in time: see `RequestContext.readBody`. */
export async function readBody(
  incoming: IncomingMessage,
  bounds: BodyBounds,
  onBytes: (count: number) => void = () => {},
): Promise<Uint8Array> {
  const { "content-length": declared, "transfer-encoding": encoding } = incoming.headers;
  if (encoding === undefined && Number(declared ?? 0) === 0) return new Uint8Array(0);
  if (Number(declared ?? 0) > bounds.bodyBytesMax) throw bodyTooLarge(bounds.bodyBytesMax);
  if (declared !== undefined) onBytes(Number(declared));
  const chunks: Uint8Array[] = [];
  let length = 0;
  let cancelTimer: Cancel = () => {};
  try {
    await new Promise<void>((resolve, reject) => {
      cancelTimer = bounds.deadlines.begin(() => reject(bodyTooSlow(bounds.bodyMsMax)));
      incoming.on("data", (piece: Uint8Array) => {
        try {
          length += piece.length;
          if (length > bounds.bodyBytesMax) throw bodyTooLarge(bounds.bodyBytesMax);
          if (declared === undefined) onBytes(piece.length);
          chunks.push(piece);
        } catch (thrown) {
          reject(thrown);
        }
      });
      incoming.on("end", resolve);
      incoming.on("error", () => reject(cutOff()));
      incoming.on("close", () => reject(cutOff()));
    });
  } catch (thrown) {
    // The rest, if any comes, is the connection's to read away.
    incoming.pause();
    incoming.removeAllListeners("data");
    throw thrown;
  } finally {
    cancelTimer();
  }
  return concatBytes(chunks);
}

const cutOff = (): SentinelError =>
  new SentinelError("invalid_request", "The body cannot be read: it is damaged or cut off");
