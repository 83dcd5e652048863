/**
 * The head of an HTTP/1.1 request (RFC 9112). Strict: whatever two readers could understand in two ways is refused,
 * since that is how requests are smuggled past a proxy (§11.2). No folded lines, no bare CR or LF, no space before a
 * colon, one Host, one Content-Length, never beside Transfer-Encoding.
 */

/** How a request's body ends: after so many bytes, or with a last chunk. */
export type BodyFraming = { readonly kind: "length"; readonly bytes: number } | { readonly kind: "chunked" };

export interface RequestHead {
  readonly method: string;
  /** Absolute, with the Host header's name. */
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: BodyFraming;
  /** The connection may carry another request. */
  readonly keepAlive: boolean;
  /** HTTP/1.1, whose answers may come in chunks. */
  readonly isVersion11: boolean;
  readonly expectsContinue: boolean;
}

/** A head that is refused, with the status of the answer. */
export interface RefusedHead {
  readonly refused: number;
  readonly reason: string;
}

const CR = 13;
const LF = 10;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP\/1\.([01])$/;
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(?::[0-9]{1,5})?$/;
const ABSOLUTE_TARGET = /^https?:\/\/[^/?#]+/i;
const DIGITS = /^[0-9]{1,15}$/;
// deno-lint-ignore no-control-regex
const VALUE_FORBIDDEN = /[\x00-\x08\x0a-\x1f\x7f]/;

// deno-lint-ignore no-control-regex
const NOT_ASCII = /[^\x00-\x7f]/;

const ascii = new TextDecoder("utf-8", { ignoreBOM: true });

/** Where the empty line begins that ends the head, or −1; `from` is where to look on after more bytes have come. */
export function endOfHead(bytes: Uint8Array, from: number): number {
  for (
    let at = bytes.indexOf(CR, Math.max(0, from));
    at >= 0 && at + 3 < bytes.length;
    at = bytes.indexOf(CR, at + 1)
  ) {
    if (bytes[at + 1] === LF && bytes[at + 2] === CR && bytes[at + 3] === LF) return at;
  }
  return -1;
}

/** `bytes` without the empty line. Any bytes give a head or a refusal. */
export function parseHead(bytes: Uint8Array): RequestHead | RefusedHead {
  const lines = decodeLatin1(bytes).split("\r\n");
  const requestLine = REQUEST_LINE.exec(lines[0]!);
  if (requestLine === null) return refuse(400, "The request line cannot be read");
  const [, method, target, minorVersion] = requestLine;
  if (REFUSED_METHODS.has(method!)) return refuse(405, "The method is not supported");
  const headers: [string, string][] = [];
  let connection = "";
  const single = new Map<string, string>();
  for (let index = 1; index < lines.length; index++) {
    const line = lines[index]!;
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon));
    const value = trimValue(line, colon + 1);
    if (!TOKEN.test(name) || VALUE_FORBIDDEN.test(value)) return refuse(400, "A header line cannot be read");
    const lowerName = name.toLowerCase();
    if (SINGLE_HEADERS.has(lowerName)) {
      if (single.has(lowerName)) return refuse(400, `There is more than one ${lowerName} header`);
      single.set(lowerName, value);
    }
    if (lowerName === "connection") connection += `,${value}`;
    headers.push([lowerName, value]);
  }
  const framing = bodyFraming(single, minorVersion === "1");
  if ("refused" in framing) return framing;
  const host = single.get("host");
  if (host === undefined ? minorVersion === "1" : !HOST.test(host)) {
    return refuse(400, "The Host header is missing or not valid");
  }
  const url = absoluteUrl(target!, host ?? "localhost");
  if (url === null) return refuse(400, "The request target is not valid");
  const expects = single.get("expect")?.toLowerCase();
  if (expects !== undefined && expects !== "100-continue") return refuse(417, "The expectation is not known");
  return {
    method: method!,
    url,
    headers,
    body: framing,
    keepAlive: minorVersion === "1" && !/(?:^|,)\s*close\s*(?:,|$)/i.test(connection),
    isVersion11: minorVersion === "1",
    expectsContinue: expects !== undefined && minorVersion === "1",
  };
}

/** Methods that no `Request` may have (fetch §4.6); Bun makes one all the same. */
const REFUSED_METHODS = new Set(["CONNECT", "TRACE", "TRACK"]);
const SINGLE_HEADERS = new Set(["host", "content-length", "transfer-encoding", "expect"]);

const refuse = (refused: number, reason: string): RefusedHead => ({ refused, reason });

function bodyFraming(single: ReadonlyMap<string, string>, isVersion11: boolean): BodyFraming | RefusedHead {
  const length = single.get("content-length");
  const encoding = single.get("transfer-encoding");
  if (encoding !== undefined) {
    if (length !== undefined) return refuse(400, "Content-Length and Transfer-Encoding exclude each other");
    if (!isVersion11) return refuse(400, "HTTP/1.0 has no Transfer-Encoding");
    return encoding.toLowerCase() === "chunked"
      ? { kind: "chunked" }
      : refuse(400, "The Transfer-Encoding is not chunked");
  }
  if (length === undefined) return { kind: "length", bytes: 0 };
  return DIGITS.test(length)
    ? { kind: "length", bytes: Number(length) }
    : refuse(400, "The Content-Length is not a number");
}

function absoluteUrl(target: string, host: string): string | null {
  const url = target.startsWith("/") ? `http://${host}${target}` : target === "*" ? `http://${host}/*` : target;
  if (!ABSOLUTE_TARGET.test(url)) return null;
  return URL.canParse(url) ? url : null;
}

/** Spaces and tabs only (RFC 9110 §5.6.3): `trim` would also take what only looks like space. */
function trimValue(line: string, from: number): string {
  let start = from;
  let end = line.length;
  while (start < end && (line.charCodeAt(start) === 32 || line.charCodeAt(start) === 9)) start++;
  while (end > start && (line.charCodeAt(end - 1) === 32 || line.charCodeAt(end - 1) === 9)) end--;
  return line.slice(start, end);
}

/** One character a byte. The web's "latin1" is windows-1252, whose characters a `Headers` does not take. */
function decodeLatin1(bytes: Uint8Array): string {
  const text = ascii.decode(bytes);
  return NOT_ASCII.test(text) ? Array.from(bytes, (byte) => String.fromCharCode(byte)).join("") : text;
}
