/** Base64 (RFC 4648 §4 and §5), strictly: one text for each byte string, but for the alphabet and the padding. */

const STANDARD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/** Marks in the table beside the six bits of a character: in which alphabet only it is, and that it is in none. */
const STANDARD_ONLY = 0x40;
const URL_ONLY = 0x80;
const INVALID = 0x100;
const TABLE = buildTable();

/** Padded text in the standard alphabet. */
export function encodeBase64(bytes: Uint8Array): string {
  return bytes.toBase64();
}

/** Text in the url alphabet without padding. */
export function encodeBase64Url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/**
 * The bytes of base64 text in one of the two alphabets, padded or not. Null for anything else: another character, white
 * space, both alphabets in one text, wrong padding, bits set that belong to no byte. (The runtimes' own decoders skip
 * white space.)
 */
export function decodeBase64(text: string): Uint8Array | null {
  const chars = charsWithoutPadding(text);
  const rest = chars & 3;
  if (chars < 0 || rest === 1) return null;
  const bytes = new Uint8Array((chars >>> 2) * 3 + (rest === 0 ? 0 : rest - 1));
  const table = TABLE;
  let marks = 0;
  let outside = 0;
  let to = 0;
  let at = 0;
  for (const end = chars - rest; at < end; at += 4) {
    const a = text.charCodeAt(at);
    const b = text.charCodeAt(at + 1);
    const c = text.charCodeAt(at + 2);
    const d = text.charCodeAt(at + 3);
    outside |= a | b | c | d;
    const first = table[a & 127]!;
    const second = table[b & 127]!;
    const third = table[c & 127]!;
    const fourth = table[d & 127]!;
    marks |= first | second | third | fourth;
    const word = ((first & 63) << 18) | ((second & 63) << 12) | ((third & 63) << 6) | (fourth & 63);
    bytes[to++] = word >>> 16;
    bytes[to++] = word >>> 8;
    bytes[to++] = word;
  }
  if (rest !== 0) {
    let word = 0;
    for (; at < chars; at++) {
      const code = text.charCodeAt(at);
      outside |= code;
      const entry = table[code & 127]!;
      marks |= entry;
      word = (word << 6) | (entry & 63);
    }
    // Two characters have 12 bits for one byte, three have 18 for two.
    const spareBits = rest === 2 ? 4 : 2;
    if ((word & ((1 << spareBits) - 1)) !== 0) return null;
    if (rest === 3) bytes[to++] = word >>> 10;
    bytes[to] = word >>> spareBits;
  }
  const mixed = STANDARD_ONLY | URL_ONLY;
  return outside > 127 || (marks & INVALID) !== 0 || (marks & mixed) === mixed ? null : bytes;
}

/** The same for the url alphabet without padding alone: the form that a URL has. */
export function decodeBase64Url(text: string): Uint8Array | null {
  return /^[A-Za-z0-9_-]*$/.test(text) ? decodeBase64(text) : null;
}

/** The number of characters before the padding, or −1 when the padding is wrong. */
function charsWithoutPadding(text: string): number {
  const length = text.length;
  if (length === 0 || text.charCodeAt(length - 1) !== 0x3d) return length;
  if (length % 4 !== 0) return -1;
  return text.charCodeAt(length - 2) === 0x3d ? length - 2 : length - 1;
}

function buildTable(): Uint16Array {
  const table = new Uint16Array(128).fill(INVALID);
  for (let value = 0; value < 64; value++) table[STANDARD.charCodeAt(value)] = value;
  table["+".charCodeAt(0)] = 62 | STANDARD_ONLY;
  table["/".charCodeAt(0)] = 63 | STANDARD_ONLY;
  table["-".charCodeAt(0)] = 62 | URL_ONLY;
  table["_".charCodeAt(0)] = 63 | URL_ONLY;
  return table;
}
