/**
 * Cyclic redundancy checks of 32 bits, reflected, of any polynomial. Sixteen tables of 256 words let one step take
 * sixteen bytes; the table lookups of one step do not wait for each other, which is what makes it quick.
 */

/** Table k (at k × 256) is the effect of a byte that k more bytes follow. Signed words: JavaScript's bit operations are signed. */
export function buildCrcTables(polynomial: number): Int32Array {
  const tables = new Int32Array(16 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256]!;
    tables[at] = tables[before & 255]! ^ (before >>> 8);
  }
  return tables;
}

/** The checksum of `bytes[start, end)`, unsigned, continued from `seed`, the checksum of the bytes before them. */
export function slicingCrc(tables: Int32Array, bytes: Uint8Array, start: number, end: number, seed: number): number {
  let crc = ~seed;
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
  return ~crc >>> 0;
}
