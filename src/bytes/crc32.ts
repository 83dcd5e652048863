/** CRC-32 as of IEEE 802.3 (zip, gzip, Kafka's old formats): for small things, so one table of 256 words is enough. */

const POLYNOMIAL = 0xedb88320;
const TABLE = buildTable();

/** The checksum of `bytes`, unsigned; `seed` is the checksum of the bytes before. `crc32("123456789")` is 0xCBF43926. */
export function crc32(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed;
  for (let at = 0; at < bytes.length; at++) crc = TABLE[(crc ^ bytes[at]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

function buildTable(): Int32Array {
  const table = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    table[byte] = crc;
  }
  return table;
}
