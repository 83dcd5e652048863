/**
 * CRC-32C (Castagnoli, RFC 3720 B.4), the checksum of record batches. Sixteen tables of 256 words let one step take
 * sixteen bytes; the table lookups of one step do not wait for each other, which is what makes it quick. Long inputs are
 * folded to a short one first, see crc32c_folding.ts.
 */
import { type Fold, FOLDED_BYTES_MIN, makeFold } from "./crc32c_folding.ts";

const POLYNOMIAL = 0x82f63b78;
const TABLES = buildTables();
/** Made when the first long input comes: a start has none. */
let fold: Fold | null | undefined;

/**
 * The checksum of `bytes[start, end)`, as an unsigned 32-bit number. `seed` is the checksum of the bytes before them: a
 * checksum can be continued from one piece to the next. `crc32c("123456789")` is 0xE3069283.
 */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length, seed = 0): number {
  if (end - start >= FOLDED_BYTES_MIN) {
    if (fold === undefined) fold = makeFold();
    if (fold !== null) {
      const rest = fold(bytes, start, end, ~seed);
      return ~continueCrc(0, rest, 0, rest.length) >>> 0;
    }
  }
  return crc32cByTables(bytes, start, end, seed);
}

/** The same without folding: for short inputs, for hosts without WebAssembly, and to hold the other against. */
export function crc32cByTables(bytes: Uint8Array, start = 0, end: number = bytes.length, seed = 0): number {
  return ~continueCrc(~seed, bytes, start, end) >>> 0;
}

/** The register after `bytes[start, end)`, as a signed word. */
function continueCrc(register: number, bytes: Uint8Array, start: number, end: number): number {
  const tables = TABLES;
  let crc = register;
  let at = start;
  for (const stop = end - 15; at < stop; at += 16) {
    crc = tables[3840 | ((crc ^ bytes[at]!) & 255)]! ^
      tables[3584 | (((crc >>> 8) ^ bytes[at + 1]!) & 255)]! ^
      tables[3328 | (((crc >>> 16) ^ bytes[at + 2]!) & 255)]! ^
      tables[3072 | ((crc >>> 24) ^ bytes[at + 3]!)]! ^
      tables[2816 | bytes[at + 4]!]! ^
      tables[2560 | bytes[at + 5]!]! ^
      tables[2304 | bytes[at + 6]!]! ^
      tables[2048 | bytes[at + 7]!]! ^
      tables[1792 | bytes[at + 8]!]! ^
      tables[1536 | bytes[at + 9]!]! ^
      tables[1280 | bytes[at + 10]!]! ^
      tables[1024 | bytes[at + 11]!]! ^
      tables[768 | bytes[at + 12]!]! ^
      tables[512 | bytes[at + 13]!]! ^
      tables[256 | bytes[at + 14]!]! ^
      tables[bytes[at + 15]!]!;
  }
  for (; at < end; at++) crc = tables[(crc ^ bytes[at]!) & 255]! ^ (crc >>> 8);
  return crc;
}

/** Table k (at k × 256) is the effect of a byte that k more bytes follow. Signed words: JavaScript's bit operations are signed. */
function buildTables(): Int32Array {
  const tables = new Int32Array(16 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256]!;
    tables[at] = tables[before & 255]! ^ (before >>> 8);
  }
  return tables;
}
