/** The nesting of a JSON text, found before it is parsed: a parser's own stack must not depend on what a caller sends. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * Whether arrays and objects are nested deeper than `depthMax`. One pass; strings are skipped by searching for their
 * closing quote. Text that is not JSON gives some answer, and the parser refuses it afterwards: a string that never
 * closes hides nothing, since no parser goes past it.
 */
export function jsonDepthExceeds(bytes: Uint8Array, depthMax: number): boolean {
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      at = closingQuote(bytes, at + 1);
      if (at === -1) return false;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (++depth > depthMax) return true;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth -= 1;
    }
  }
  return false;
}

/** Where the string that begins at `start` ends, or −1. A quote after an odd number of backslashes is part of it. */
function closingQuote(bytes: Uint8Array, start: number): number {
  let at = bytes.indexOf(QUOTE, start);
  while (at !== -1) {
    let before = at - 1;
    while (before >= start && bytes[before] === BACKSLASH) before -= 1;
    if (((at - 1 - before) & 1) === 0) return at;
    at = bytes.indexOf(QUOTE, at + 1);
  }
  return -1;
}
