/** The bodies of requests: with a length, or in chunks (RFC 9112 §6, §7.1). Any bytes give a body or a typed failure. */
import { SentinelError } from "../../src/base/errors.ts";
import type { BodyFraming } from "./head.ts";
import type { Inbound } from "./inbound.ts";
import { bodyTooLarge } from "./request_body.ts";

const CR = 13;
const LF = 10;
/** `ffffffff` and an extension that nobody uses. */
const CHUNK_LINE_BYTES_MAX = 256;
const TRAILER_BYTES_MAX = 4096;
const CHUNK_LINE = /^([0-9A-Fa-f]{1,8})(?:[ \t]*;[\x20-\x7e\t]*)?$/;

const ascii = new TextDecoder();

/** Gives a body out piece by piece. After a failure the connection cannot be used for another request. */
export class BodyReader {
  /** Everything has been given out, so that the next request begins here. */
  isDone = false;
  readonly #inbound: Inbound;
  readonly #bytesMax: number;
  readonly #isChunked: boolean;
  /** Of the body, or of the chunk that is being read. */
  #leftBytes: number;
  #givenBytes = 0;
  #isFirstChunk = true;

  constructor(inbound: Inbound, framing: BodyFraming, bytesMax: number) {
    this.#inbound = inbound;
    this.#bytesMax = bytesMax;
    this.#isChunked = framing.kind === "chunked";
    this.#leftBytes = framing.kind === "length" ? framing.bytes : 0;
    this.isDone = framing.kind === "length" && framing.bytes === 0;
  }

  /** The next piece, or null at the end. Errors: `too_large`, `invalid_request`, and the connection's own. */
  async next(): Promise<Uint8Array | null> {
    if (this.isDone) return null;
    if (this.#leftBytes === 0) await this.#nextChunk();
    if (this.isDone) return null;
    if (this.#givenBytes + this.#leftBytes > this.#bytesMax) {
      throw bodyTooLarge(this.#bytesMax);
    }
    if (this.#inbound.bytes.length === 0) await this.#mustHaveMore();
    const piece = this.#inbound.take(Math.min(this.#leftBytes, this.#inbound.bytes.length));
    this.#leftBytes -= piece.length;
    this.#givenBytes += piece.length;
    if (this.#leftBytes === 0 && !this.#isChunked) this.isDone = true;
    return piece;
  }

  async #nextChunk(): Promise<void> {
    if (!this.#isFirstChunk && (await this.#line(0)) !== "") throw damaged("a chunk does not end where it should");
    this.#isFirstChunk = false;
    const line = CHUNK_LINE.exec(await this.#line(CHUNK_LINE_BYTES_MAX));
    if (line === null) throw damaged("a chunk's length cannot be read");
    this.#leftBytes = Number.parseInt(line[1]!, 16);
    if (this.#leftBytes > 0) return;
    // Trailers are read and dropped: nothing here has a use for them.
    let trailerBytes = 0;
    while (true) {
      const trailer = await this.#line(TRAILER_BYTES_MAX);
      if (trailer === "") break;
      trailerBytes += trailer.length;
      if (trailerBytes > TRAILER_BYTES_MAX) throw damaged("the trailers are too long");
    }
    this.isDone = true;
  }

  /** The text up to the next CRLF, which is taken with it. */
  async #line(bytesMax: number): Promise<string> {
    while (true) {
      const { bytes } = this.#inbound;
      const end = bytes.indexOf(LF);
      if (end > bytesMax + 1 || (end < 0 && bytes.length > bytesMax + 1)) throw damaged("a line is too long");
      if (end >= 0) {
        const line = this.#inbound.take(end + 1);
        if (line[end - 1] !== CR) throw damaged("a line does not end with CR LF");
        return ascii.decode(line.subarray(0, end - 1));
      }
      await this.#mustHaveMore();
    }
  }

  async #mustHaveMore(): Promise<void> {
    if (!(await this.#inbound.more())) throw damaged("it is cut off");
  }
}

const damaged = (detail: string): SentinelError =>
  new SentinelError("invalid_request", `The body cannot be read: ${detail}`);
