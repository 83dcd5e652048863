/**
 * UTF-8, strictly: what is not UTF-8 is refused, never replaced, and a byte order mark is a character like any other.
 * (Runtimes' defaults drop the mark and put U+FFFD in place of what they cannot read.)
 */

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const LENIENT_DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** Up to this length plain ASCII is put together here: a call of the runtime's decoder costs more than that many steps. */
const SHORT_BYTES = 24;

/** The text of `bytes[start, end)`, or null when they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array, start = 0, end: number = bytes.length): string | null {
  if (end - start <= SHORT_BYTES) {
    const text = shortAscii(bytes, start, end);
    if (text !== null) return text;
  }
  try {
    return DECODER.decode(bytes.subarray(start, end));
  } catch {
    return null;
  }
}

/** The text, with U+FFFD for what is not UTF-8: only where the field's own readers do so (Kafka's header names). */
export function decodeUtf8Leniently(bytes: Uint8Array): string {
  const text = bytes.length <= SHORT_BYTES ? shortAscii(bytes, 0, bytes.length) : null;
  return text ?? LENIENT_DECODER.decode(bytes);
}

/** The bytes, or null when the text has a lone surrogate, which UTF-8 cannot say. */
export function encodeUtf8(text: string): Uint8Array | null {
  return text.isWellFormed() ? ENCODER.encode(text) : null;
}

/** Bytes of the text in UTF-8; a lone surrogate counts three, as U+FFFD does, which encoders put in its place. */
export function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    if (unit < 0x800) {
      bytes += 1;
    } else {
      bytes += 2;
      // A pair is two units and four bytes.
      if (unit >= 0xd800 && unit < 0xdc00 && isLowSurrogate(text.charCodeAt(at + 1))) at++;
    }
  }
  return bytes;
}

/** Writes the text at `at` and returns the position after it. The room (`utf8Bytes`) must be there. */
export function writeUtf8(into: Uint8Array, at: number, text: string): number {
  if (text.length <= SHORT_BYTES) {
    let unit = 0;
    let index = 0;
    for (; index < text.length && (unit = text.charCodeAt(index)) < 0x80; index++) into[at + index] = unit;
    if (index === text.length) return at + index;
  }
  return at + ENCODER.encodeInto(text, into.subarray(at)).written;
}

/** Whether `bytes[start, end)` are UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF, nothing cut off. */
export function isValidUtf8(bytes: Uint8Array, start = 0, end: number = bytes.length): boolean {
  let at = start;
  while (at < end) {
    const first = bytes[at]!;
    if (first < 0x80) {
      at++;
    } else if (first < 0xe0) {
      if (first < 0xc2 || at + 1 >= end || !isContinuation(bytes[at + 1]!)) return false;
      at += 2;
    } else if (first < 0xf0) {
      if (at + 2 >= end || !isContinuation(bytes[at + 1]!) || !isContinuation(bytes[at + 2]!)) return false;
      const second = bytes[at + 1]!;
      if ((first === 0xe0 && second < 0xa0) || (first === 0xed && second > 0x9f)) return false;
      at += 3;
    } else {
      if (first > 0xf4 || at + 3 >= end) return false;
      const second = bytes[at + 1]!;
      if (!isContinuation(second) || !isContinuation(bytes[at + 2]!) || !isContinuation(bytes[at + 3]!)) return false;
      if ((first === 0xf0 && second < 0x90) || (first === 0xf4 && second > 0x8f)) return false;
      at += 4;
    }
  }
  return true;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** False for NaN, which stands for the text's end. */
function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}

/** The text when every byte is ASCII, else null. */
function shortAscii(bytes: Uint8Array, start: number, end: number): string | null {
  let text = "";
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte > 0x7f) return null;
    text += String.fromCharCode(byte);
  }
  return text;
}
