/** Answers as bytes (RFC 9112 §4, §6). */
import type { Clock } from "../../src/platform/clock.ts";
import type { Connection } from "../../src/platform/network.ts";

const encoder = new TextEncoder();

type BodyReader = ReadableStreamDefaultReader<Uint8Array>;
type BodyRead = Awaited<ReturnType<BodyReader["read"]>>;

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  201: "Created",
  204: "No Content",
  304: "Not Modified",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  417: "Expectation Failed",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

export const CONTINUE = encoder.encode("HTTP/1.1 100 Continue\r\n\r\n");
const LAST_CHUNK = encoder.encode("0\r\n\r\n");
const CHUNK_END = encoder.encode("\r\n");
/** Turns of the microtask queue that a body which is complete may need to say so. */
const TURNS_TO_END = 8;

/** The Date header, made once a second. */
export class DateHeader {
  readonly #clock: Clock;
  #second = -1;
  #text = "";

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  text(): string {
    const second = Math.floor(this.#clock.nowMs() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(second * 1000).toUTCString();
    }
    return this.#text;
  }
}

export interface AnswerOptions {
  readonly method: string;
  /** HTTP/1.0 knows no chunks: its bodies end with the connection. */
  readonly mayChunk: boolean;
  readonly date: string;
  /** Whether the connection ends after this answer; asked when the head is written. */
  readonly closes: () => boolean;
  readonly write: (slices: readonly Uint8Array[]) => Promise<void>;
  /** Told the reader of a body that may take long, so that it can be ended when the peer leaves. */
  readonly onStream: (reader: BodyReader) => void;
}

/** Writes a handler's answer. A body that is complete gets a Content-Length, one that is still growing goes in chunks. */
export async function writeAnswer(response: Response, options: AnswerOptions): Promise<void> {
  const isBodyless = options.method === "HEAD" || response.status === 204 || response.status === 304;
  if (isBodyless || response.body === null) {
    if (response.body !== null) await response.body.cancel();
    const length = isBodyless ? null : 0;
    return await options.write([headOf(response, options, length)]);
  }
  const reader = response.body.getReader() as BodyReader;
  options.onStream(reader);
  const first = await reader.read();
  if (first.done) return await options.write([headOf(response, options, 0)]);
  const second = reader.read();
  const isWhole = await endsSoon(second);
  if (isWhole) return await options.write([headOf(response, options, first.value.length), first.value]);
  await writeStream(reader, first.value, second, response, options);
}

async function writeStream(
  reader: BodyReader,
  first: Uint8Array,
  second: Promise<BodyRead>,
  response: Response,
  options: AnswerOptions,
): Promise<void> {
  const declared = response.headers.has("content-length");
  const isChunked = options.mayChunk && !declared;
  const frame = (chunk: Uint8Array): Uint8Array[] => {
    if (!isChunked) return [chunk];
    // An empty chunk would end the body.
    return chunk.length === 0 ? [] : [encoder.encode(`${chunk.length.toString(16)}\r\n`), chunk, CHUNK_END];
  };
  try {
    await options.write([headOf(response, options, isChunked ? "chunked" : null), ...frame(first)]);
    for (let next = await second; !next.done; next = await reader.read()) await options.write(frame(next.value));
    if (isChunked) await options.write([LAST_CHUNK]);
  } catch (thrown) {
    // Who makes the body must learn that nobody takes it any more. It may have failed itself: then there is nothing to end.
    await reader.cancel(thrown).catch(() => {});
    throw thrown;
  }
}

/** Whether the stream ends without waiting for anything outside. */
async function endsSoon(second: Promise<BodyRead>): Promise<boolean> {
  let result: BodyRead | null = null;
  second.then((read) => result = read, () => {});
  for (let turn = 0; turn < TURNS_TO_END && result === null; turn++) await undefined;
  const read = result as BodyRead | null;
  return read !== null && read.done;
}

function headOf(response: Response, options: AnswerOptions, length: number | "chunked" | null): Uint8Array {
  let head = `HTTP/1.1 ${response.status} ${response.statusText || (REASONS[response.status] ?? "")}\r\n`;
  for (const [name, value] of response.headers) {
    if (name === "connection" || name === "transfer-encoding" || name === "date") continue;
    if (name === "content-length" && length !== null) continue;
    head += `${name}: ${value}\r\n`;
  }
  head += `date: ${options.date}\r\n`;
  if (length === "chunked") head += "transfer-encoding: chunked\r\n";
  else if (length !== null) head += `content-length: ${length}\r\n`;
  if (options.closes()) head += "connection: close\r\n";
  return encodeLatin1(`${head}\r\n`);
}

/** One byte a character, as header values have them; nearly all are ASCII, where UTF-8 is the same and fast. */
function encodeLatin1(text: string): Uint8Array {
  const bytes = encoder.encode(text);
  return bytes.length === text.length ? bytes : Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** The answer to what never became a request. */
export async function writeRefusal(
  connection: Connection,
  status: number,
  reason: string,
  date: string,
): Promise<void> {
  const title = REASONS[status] ?? "Refused";
  const body = encoder.encode(JSON.stringify({ type: "about:blank", title, status, detail: reason }));
  const head = `HTTP/1.1 ${status} ${title}\r\ncontent-type: application/problem+json\r\ndate: ${date}\r\n` +
    `content-length: ${body.length}\r\nconnection: close\r\n\r\n`;
  await connection.write([encoder.encode(head), body]);
}
