/** A handler's `Response`, written by `node:http`. */
import type { ServerResponse } from "node:http";
import { type BodyReader, endsSoon } from "./body_end.ts";

/** A larger piece is written in parts, so that a slow reader's progress can be seen. */
const WRITE_BYTES_MAX = 256 * 1024;

export interface AnswerHooks {
  /** The connection ends after this answer. */
  readonly closes: boolean;
  /** The request said so: its answer may be a stream. */
  readonly isKeptOpen: boolean;
  /** Told the reader of a body that may take long, so that it can be ended when the peer leaves. */
  readonly onStream: (reader: BodyReader) => void;
  /** Waits until what was written has been taken; fails when the peer has left or takes nothing. */
  readonly taken: () => Promise<void>;
}

/**
 * Writes all but the last piece, which it gives back: head, body and end then go out in one packet. A body that is
 * complete gets a Content-Length, one that is still growing goes in chunks.
 */
export async function writeAnswer(
  response: Response,
  outgoing: ServerResponse,
  hooks: AnswerHooks,
): Promise<Uint8Array | null> {
  const isBodyless = outgoing.req.method === "HEAD" || response.status === 204 || response.status === 304;
  if (isBodyless || response.body === null) {
    if (response.body !== null) await response.body.cancel();
    writeHead(response, outgoing, hooks.closes, isBodyless ? null : 0);
    return null;
  }
  if (!hooks.isKeptOpen) {
    // Whole at once: its stream would cost more than all the rest.
    const whole = new Uint8Array(await response.arrayBuffer());
    writeHead(response, outgoing, hooks.closes, whole.length);
    if (whole.length <= WRITE_BYTES_MAX) return whole;
    await writePiece(whole, outgoing, hooks);
    return null;
  }
  const reader = response.body.getReader() as BodyReader;
  hooks.onStream(reader);
  const first = await reader.read();
  if (first.done) {
    writeHead(response, outgoing, hooks.closes, 0);
    return null;
  }
  const second = reader.read();
  const isWhole = await endsSoon(second);
  writeHead(response, outgoing, hooks.closes, isWhole ? first.value.length : null);
  if (isWhole && first.value.length <= WRITE_BYTES_MAX) return first.value;
  try {
    await writePiece(first.value, outgoing, hooks);
    for (let next = await second; !next.done; next = await reader.read()) await writePiece(next.value, outgoing, hooks);
    return null;
  } catch (thrown) {
    // Who makes the body must learn that nobody takes it any more. It may have failed itself: then there is nothing to end.
    await reader.cancel(thrown).catch(() => {});
    throw thrown;
  }
}

async function writePiece(piece: Uint8Array, outgoing: ServerResponse, hooks: AnswerHooks): Promise<void> {
  for (let at = 0; at < piece.length; at += WRITE_BYTES_MAX) {
    if (!outgoing.write(piece.subarray(at, at + WRITE_BYTES_MAX))) await hooks.taken();
  }
}

function writeHead(response: Response, outgoing: ServerResponse, closes: boolean, length: number | null): void {
  const headers: string[] = [];
  for (const [name, value] of response.headers) {
    if (name === "connection" || name === "transfer-encoding") continue;
    if (name === "content-length" && length !== null) continue;
    headers.push(name, value);
  }
  if (length !== null) headers.push("content-length", String(length));
  if (closes) headers.push("connection", "close");
  outgoing.writeHead(response.status, headers);
}
