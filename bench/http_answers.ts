/**
 * Finds the ends of HTTP answers in a stream: just enough of HTTP/1.1 for a load generator, which must cost less than
 * the server that it measures. Answers without `content-length` are refused.
 */

/** What `push` found out: how much of the body of the answer in work is still to come; 0: the answer is whole. */
export interface HttpAnswer {
  readonly status: number;
  readonly bodyBytes: number;
}

const CR = 13;
const LF = 10;
/** More is no head that our servers send. */
const HEAD_BYTES_MAX = 16 * 1024;

export class HttpAnswers {
  #head: Uint8Array = new Uint8Array(0);
  #status = 0;
  #bodyBytes = 0;
  #missing = -1;
  #body: Uint8Array[] | null;

  /** `keepsBody`: `body` gives the last answer's bytes. */
  constructor(options: { readonly keepsBody: boolean } = { keepsBody: false }) {
    this.#body = options.keepsBody ? [] : null;
  }

  /** Pieces of the last answer's body. */
  get body(): readonly Uint8Array[] {
    return this.#body ?? [];
  }

  /** Takes the next bytes. The answer when it ends with them, null when more must come. One answer at a time. */
  push(chunk: Uint8Array): HttpAnswer | null {
    if (this.#missing >= 0) return this.#takeBody(chunk);
    let bytes = chunk;
    if (this.#head.length > 0) {
      bytes = new Uint8Array(this.#head.length + chunk.length);
      bytes.set(this.#head);
      bytes.set(chunk, this.#head.length);
    }
    const end = endOfHead(bytes);
    if (end < 0) {
      if (bytes.length > HEAD_BYTES_MAX) throw new Error(`A head of more than ${HEAD_BYTES_MAX} bytes`);
      this.#head = bytes;
      return null;
    }
    this.#head = new Uint8Array(0);
    this.#readHead(bytes.subarray(0, end));
    return this.#takeBody(bytes.subarray(end));
  }

  #readHead(bytes: Uint8Array): void {
    const head = String.fromCharCode(...bytes);
    this.#status = Number(head.slice(9, 12));
    const length = /\r\ncontent-length: *([0-9]+)\r\n/i.exec(head);
    if (!head.startsWith("HTTP/1.1 ") || length === null) throw new Error(`Not an answer with a length: ${head}`);
    this.#bodyBytes = Number(length[1]);
    this.#missing = this.#bodyBytes;
    if (this.#body !== null) this.#body = [];
  }

  #takeBody(bytes: Uint8Array): HttpAnswer | null {
    if (bytes.length > this.#missing) throw new Error(`${bytes.length - this.#missing} bytes behind the answer's end`);
    this.#body?.push(bytes);
    this.#missing -= bytes.length;
    if (this.#missing > 0) return null;
    this.#missing = -1;
    return { status: this.#status, bodyBytes: this.#bodyBytes };
  }
}

/** Position behind the empty line, or −1. */
function endOfHead(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (at >= 3 && bytes[at - 1] === CR && bytes[at - 2] === LF && bytes[at - 3] === CR) return at + 1;
  }
  return -1;
}
