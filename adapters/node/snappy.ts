/**
 * Snappy, in both shapes that Kafka clients send (protocol.md §5.4): xerial's framing, which Java reads and writes, and
 * a single raw block, which librdkafka writes.
 *
 *     Layout of xerial's framing:
 *     8  magic 82 'SNAPPY' 00
 *     4  version, big-endian, 1
 *     4  oldest version that can read it, big-endian, 1
 *     then blocks: 4 length, big-endian; a raw snappy block of that length
 *
 *     Layout of a raw block (google/snappy, format_description.txt):
 *     length of the output, a little-endian base-128 varint below 2^32
 *     then elements; the low two bits of the first byte say which:
 *     00 literal, 01 copy with an 11-bit distance, 10 copy with a 16-bit one, 11 copy with a 32-bit one
 *
 * It is written here since the npm package `snappyjs` does not survive bad input: a literal whose 32-bit length is
 * negative moves its reader back, and it loops for ever.
 */
import { blockTooLarge, damagedBlock } from "./damaged_block.ts";

const MAGIC = Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00);
const HEADER_BYTES = 16;
/** Java's own block size; distances fit into 16 bits. */
const BLOCK_BYTES = 32 * 1024;
/** A copy of 64 bytes takes 3: no valid block expands more. A larger declared length is damage, and is not allocated. */
const EXPANSION_MAX = 22;

/** `bytes` in xerial's framing. */
export function compressSnappy(bytes: Uint8Array): Uint8Array {
  const blockCount = Math.ceil(bytes.length / BLOCK_BYTES);
  const output = new Uint8Array(HEADER_BYTES + blockCount * (4 + 5 + 32) + bytes.length + Math.ceil(bytes.length / 6));
  output.set(MAGIC);
  output[11] = 1;
  output[15] = 1;
  const table = new Uint16Array(1 << HASH_BITS);
  let to = HEADER_BYTES;
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    const end = compressBlock(bytes.subarray(at, at + BLOCK_BYTES), output, to + 4, table);
    setU32(output, to, end - to - 4);
    to = end;
  }
  return output.slice(0, to);
}

/** Opens either shape. Errors: `corrupt_batch`, `too_large`. */
export function decompressSnappy(bytes: Uint8Array, outputBytesMax: number): Uint8Array {
  const isFramed = MAGIC.every((byte, at) => bytes[at] === byte);
  if (isFramed && bytes.length < HEADER_BYTES) throw damagedBlock("snappy", "the header is cut off");
  const blocks = isFramed ? [...framedBlocks(bytes)] : [bytes];
  let total = 0;
  for (const block of blocks) total += declaredLength(block).value;
  if (total > outputBytesMax) throw blockTooLarge("snappy", outputBytesMax);
  const output = new Uint8Array(total);
  let at = 0;
  for (const block of blocks) {
    const length = declaredLength(block);
    decompressBlock(block, length.end, output.subarray(at, at + length.value));
    at += length.value;
  }
  return output;
}

function* framedBlocks(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = HEADER_BYTES; at < bytes.length;) {
    if (at + 4 > bytes.length) throw damagedBlock("snappy", "a block's length is cut off");
    const length = ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
    at += 4;
    if (length > bytes.length - at) throw damagedBlock("snappy", `a block of ${length} bytes is cut off`);
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

function declaredLength(block: Uint8Array): { value: number; end: number } {
  let value = 0;
  for (let at = 0; at < 5; at++) {
    const byte = block[at];
    if (byte === undefined) throw damagedBlock("snappy", "the length is cut off");
    value += (byte & 0x7f) * 2 ** (7 * at);
    if (byte >= 0x80) continue;
    if (value > block.length * EXPANSION_MAX) {
      throw damagedBlock("snappy", `${block.length} bytes cannot become ${value}`);
    }
    return { value, end: at + 1 };
  }
  throw damagedBlock("snappy", "the length is longer than five bytes");
}

function decompressBlock(block: Uint8Array, start: number, output: Uint8Array): void {
  let at = start;
  let to = 0;
  while (at < block.length) {
    const tag = block[at++]!;
    const kind = tag & 3;
    let length = tag >>> 2;
    if (kind === 0) {
      if (length >= 60) {
        const width = length - 59;
        if (at + width > block.length) throw damagedBlock("snappy", "a literal's length is cut off");
        length = 0;
        for (let index = 0; index < width; index++) length += block[at++]! * 2 ** (8 * index);
      }
      length++;
      if (length > block.length - at || length > output.length - to) {
        throw damagedBlock("snappy", "a literal is too long");
      }
      copyLiteral(block, at, length, output, to);
      at += length;
      to += length;
      continue;
    }
    const width = kind === 3 ? 4 : kind;
    if (at + width > block.length) throw damagedBlock("snappy", "a copy is cut off");
    let distance = kind === 1 ? (length >>> 3) << 8 : 0;
    length = kind === 1 ? (length & 7) + 4 : length + 1;
    for (let index = 0; index < width; index++) distance += block[at++]! * 2 ** (8 * index);
    if (distance === 0 || distance > to) throw damagedBlock("snappy", "a copy begins before the output");
    if (length > output.length - to) throw damagedBlock("snappy", "a copy is too long");
    // Byte by byte, since a copy may repeat its own output.
    for (const end = to + length; to < end; to++) output[to] = output[to - distance]!;
  }
  if (to !== output.length) throw damagedBlock("snappy", `${output.length} bytes are declared, ${to} are there`);
}

/** Short runs are the most common: a call for each costs more than the bytes. */
function copyLiteral(from: Uint8Array, at: number, length: number, output: Uint8Array, to: number): void {
  if (length > 32) {
    output.set(from.subarray(at, at + length), to);
    return;
  }
  for (let index = 0; index < length; index++) output[to + index] = from[at + index]!;
}

const HASH_BITS = 13;
/** Matches are not looked for at the end: four bytes are read at once. */
const MARGIN_BYTES = 8;

const u32At = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);

function setU32(output: Uint8Array, to: number, value: number): void {
  output[to] = value >>> 24;
  output[to + 1] = value >>> 16;
  output[to + 2] = value >>> 8;
  output[to + 3] = value;
}

/** Writes `block` (at most `BLOCK_BYTES`) as a raw block and returns where it ends. `table` may hold anything. */
function compressBlock(block: Uint8Array, output: Uint8Array, start: number, table: Uint16Array): number {
  let to = start;
  for (let rest = block.length;; rest >>>= 7) {
    output[to++] = rest >= 0x80 ? (rest & 0x7f) | 0x80 : rest;
    if (rest < 0x80) break;
  }
  table.fill(0);
  let literalStart = 0;
  let at = 1;
  let misses = 0;
  while (at < block.length - MARGIN_BYTES) {
    const word = u32At(block, at);
    const hash = Math.imul(word, 0x1e35a7bd) >>> (32 - HASH_BITS);
    const candidate = table[hash]!;
    table[hash] = at;
    if (candidate >= at || u32At(block, candidate) !== word) {
      // Bytes that do not repeat are passed over faster and faster.
      at += 1 + (misses++ >>> 5);
      continue;
    }
    misses = 0;
    let end = at + 4;
    while (end < block.length && block[end] === block[candidate + end - at]) end++;
    to = writeLiteral(block, literalStart, at, output, to);
    to = writeCopy(at - candidate, end - at, output, to);
    at = end;
    literalStart = end;
  }
  return writeLiteral(block, literalStart, block.length, output, to);
}

function writeLiteral(block: Uint8Array, from: number, end: number, output: Uint8Array, start: number): number {
  if (from === end) return start;
  let to = start;
  const count = end - from - 1;
  if (count < 60) {
    output[to++] = count << 2;
  } else if (count < 256) {
    output[to++] = 60 << 2;
    output[to++] = count;
  } else {
    output[to++] = 61 << 2;
    output[to++] = count;
    output[to++] = count >>> 8;
  }
  copyLiteral(block, from, end - from, output, to);
  return to + end - from;
}

function writeCopy(distance: number, length: number, output: Uint8Array, start: number): number {
  let to = start;
  for (let rest = length; rest > 0;) {
    const count = Math.min(64, rest);
    output[to++] = ((count - 1) << 2) | 2;
    output[to++] = distance;
    output[to++] = distance >>> 8;
    rest -= count;
  }
  return to;
}
