/** CRC-32 as of IEEE 802.3 (zip, gzip, Kafka's old formats, the LSM tree's files). */
import { buildCrcTables, slicingCrc } from "./slicing_crc.ts";

const TABLES = buildCrcTables(0xedb88320);

/** The checksum of `bytes`, unsigned; `seed` is the checksum of the bytes before. `crc32("123456789")` is 0xCBF43926. */
export function crc32(bytes: Uint8Array, seed = 0): number {
  return slicingCrc(TABLES, bytes, 0, bytes.length, seed);
}

/** The same of `bytes[start, end)`. */
export function crc32Of(bytes: Uint8Array, start: number, end: number, seed = 0): number {
  return slicingCrc(TABLES, bytes, start, end, seed);
}
