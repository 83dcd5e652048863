/**
 * LZ4 frames (github.com/lz4/lz4, doc/lz4_Frame_format.md 1.6 and lz4_Block_format.md), as Kafka uses them.
 *
 *     Layout of a frame, all little-endian:
 *     4  magic 0x184D2204
 *     1  flags: version 01 (bits 7-6), blocks independent (5), block checksums (4), content size (3),
 *        content checksum (2), reserved (1), dictionary (0)
 *     1  largest block (bits 6-4): 4 = 64 KiB, 5 = 256 KiB, 6 = 1 MiB, 7 = 4 MiB
 *     8  content size, if flagged
 *     1  second byte of xxhash32 over flags to content size
 *     then blocks: 4 length (highest bit: stored as it is); data; 4 checksum, if flagged
 *     4  zero; 4 content checksum, if flagged
 *
 * We write independent blocks of 64 KiB without checksums (the batch has its own), as Kafka's Java does: its reader
 * refuses blocks that refer to each other. We read those too. The npm package `lz4js` is not used: it writes blocks that
 * refer to each other with a descriptor that says so, and on bad input it loops for ever and reads what is not there.
 */
import { blockTooLarge, damagedBlock } from "./damaged_block.ts";
import { xxhash32 } from "./xxhash32.ts";

const MAGIC = 0x184d2204;
const FLAG_INDEPENDENT = 0x20;
const FLAG_BLOCK_CHECKSUM = 0x10;
const FLAG_CONTENT_SIZE = 0x08;
const FLAG_CONTENT_CHECKSUM = 0x04;
const FLAG_DICTIONARY = 0x01;
const STORED = 0x80000000;
const BLOCK_BYTES = 64 * 1024;
/** A length byte of 255 adds as many bytes: no block expands more. */
const EXPANSION_MAX = 255;
const HASH_BITS = 12;
/** The format's end rules: the last match starts at least 12 bytes before the end, the last 5 bytes are literals. */
const MATCH_MARGIN_BYTES = 12;
const LAST_LITERALS_BYTES = 5;

const u32At = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);

function setU32(output: Uint8Array, to: number, value: number): void {
  output[to] = value;
  output[to + 1] = value >>> 8;
  output[to + 2] = value >>> 16;
  output[to + 3] = value >>> 24;
}

/** `bytes` as one frame. */
export function compressLz4(bytes: Uint8Array): Uint8Array {
  const blockCount = Math.ceil(bytes.length / BLOCK_BYTES);
  // A block that does not shrink is stored; until that is known it may grow by its length bytes.
  const output = new Uint8Array(7 + bytes.length + blockCount * 4 + Math.ceil(BLOCK_BYTES / 255) + 16 + 4);
  setU32(output, 0, MAGIC);
  output[4] = 0x40 | FLAG_INDEPENDENT;
  output[5] = 4 << 4;
  output[6] = xxhash32(output.subarray(4, 6)) >>> 8;
  const table = new Int32Array(1 << HASH_BITS);
  let to = 7;
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    const block = bytes.subarray(at, at + BLOCK_BYTES);
    const end = compressBlock(block, output, to + 4, table);
    if (end - to - 4 < block.length) {
      setU32(output, to, end - to - 4);
      to = end;
    } else {
      setU32(output, to, STORED | block.length);
      output.set(block, to + 4);
      to += 4 + block.length;
    }
  }
  setU32(output, to, 0);
  return output.slice(0, to + 4);
}

/** Opens one frame that fills `bytes`. Errors: `corrupt_batch`, `too_large`. */
export function decompressLz4(bytes: Uint8Array, outputBytesMax: number): Uint8Array {
  const frame = readHeader(bytes);
  if (frame.contentSize !== null && frame.contentSize > outputBytesMax) throw blockTooLarge("lz4", outputBytesMax);
  const output = new Output(
    outputBytesMax,
    Math.min(frame.contentSize ?? bytes.length * 4, bytes.length * EXPANSION_MAX),
  );
  let at = frame.headerBytes;
  while (true) {
    const length = readU32(bytes, at);
    at += 4;
    if (length === 0) break;
    const isStored = length >= STORED;
    const blockBytes = isStored ? length - STORED : length;
    if (blockBytes > frame.blockBytesMax) throw damagedBlock("lz4", `a block of ${blockBytes} bytes is too large`);
    if (blockBytes > bytes.length - at) throw damagedBlock("lz4", `a block of ${blockBytes} bytes is cut off`);
    const block = bytes.subarray(at, at + blockBytes);
    at += blockBytes;
    if (frame.hasBlockChecksums) {
      if (readU32(bytes, at) !== xxhash32(block)) throw damagedBlock("lz4", "a block's checksum is wrong");
      at += 4;
    }
    const start = output.length;
    if (isStored) output.append(block, 0, blockBytes);
    else decompressBlock(block, output, frame.areBlocksIndependent ? start : 0, start + frame.blockBytesMax);
  }
  const result = output.finish();
  if (frame.contentSize !== null && frame.contentSize !== result.length) {
    throw damagedBlock("lz4", "the content size is wrong");
  }
  if (frame.hasContentChecksum) {
    if (readU32(bytes, at) !== xxhash32(result)) throw damagedBlock("lz4", "the content checksum is wrong");
    at += 4;
  }
  if (at !== bytes.length) throw damagedBlock("lz4", `${bytes.length - at} bytes follow the frame`);
  return result;
}

function readU32(bytes: Uint8Array, at: number): number {
  if (at + 4 > bytes.length) throw damagedBlock("lz4", "the frame is cut off");
  return u32At(bytes, at) >>> 0;
}

function readHeader(bytes: Uint8Array) {
  if (readU32(bytes, 0) !== MAGIC) throw damagedBlock("lz4", "the magic number is wrong");
  const flags = bytes[4];
  const blockCode = bytes[5];
  if (flags === undefined || blockCode === undefined) throw damagedBlock("lz4", "the header is cut off");
  if (flags >>> 6 !== 1 || (flags & 0x02) !== 0 || (blockCode & 0x8f) !== 0) {
    throw damagedBlock("lz4", "the version is unknown");
  }
  if ((flags & FLAG_DICTIONARY) !== 0) throw damagedBlock("lz4", "it needs a dictionary");
  if (blockCode >>> 4 < 4) throw damagedBlock("lz4", "the block size is unknown");
  const hasContentSize = (flags & FLAG_CONTENT_SIZE) !== 0;
  const headerBytes = hasContentSize ? 15 : 7;
  const checksum = bytes[headerBytes - 1];
  if (checksum === undefined) throw damagedBlock("lz4", "the header is cut off");
  if (checksum !== ((xxhash32(bytes.subarray(4, headerBytes - 1)) >>> 8) & 0xff)) {
    throw damagedBlock("lz4", "the header's checksum is wrong");
  }
  return {
    headerBytes,
    blockBytesMax: 1 << (8 + 2 * (blockCode >>> 4)),
    areBlocksIndependent: (flags & FLAG_INDEPENDENT) !== 0,
    hasBlockChecksums: (flags & FLAG_BLOCK_CHECKSUM) !== 0,
    hasContentChecksum: (flags & FLAG_CONTENT_CHECKSUM) !== 0,
    contentSize: hasContentSize ? readU32(bytes, 6) + readU32(bytes, 10) * 2 ** 32 : null,
  };
}

/** Output that grows by doubling, up to its bound. */
class Output {
  bytes: Uint8Array;
  length = 0;
  readonly #bytesMax: number;

  constructor(bytesMax: number, expectedBytes: number) {
    this.#bytesMax = bytesMax;
    this.bytes = new Uint8Array(Math.min(bytesMax, expectedBytes));
  }

  /** Makes room for `count` more bytes; call before each use of `bytes`, which may be another buffer afterwards. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    if (needed > this.#bytesMax) throw blockTooLarge("lz4", this.#bytesMax);
    const grown = new Uint8Array(Math.min(this.#bytesMax, Math.max(needed, this.bytes.length * 2)));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  append(from: Uint8Array, at: number, count: number): void {
    this.reserve(count);
    if (count > 32) this.bytes.set(from.subarray(at, at + count), this.length);
    else for (let index = 0; index < count; index++) this.bytes[this.length + index] = from[at + index]!;
    this.length += count;
  }

  /** Repeats `count` bytes from `distance` back; the copy may reach into itself. */
  repeat(distance: number, count: number): void {
    this.reserve(count);
    const { bytes } = this;
    let to = this.length;
    for (const end = to + count; to < end; to++) bytes[to] = bytes[to - distance]!;
    this.length = to;
  }

  /** What was written; a buffer of its own if much more was reserved. */
  finish(): Uint8Array {
    const written = this.bytes.subarray(0, this.length);
    return this.bytes.length - this.length > 4096 ? written.slice() : written;
  }
}

/** `oldest`: how far back in the output a match may reach. `outputEnd`: what the block may fill at most. */
function decompressBlock(block: Uint8Array, output: Output, oldest: number, outputEnd: number): void {
  let at = 0;
  const moreLength = (): number => {
    let length = 0;
    while (true) {
      const byte = block[at++];
      if (byte === undefined) throw damagedBlock("lz4", "a length is cut off");
      length += byte;
      if (byte !== 255) return length;
    }
  };
  while (true) {
    const token = block[at++];
    if (token === undefined) throw damagedBlock("lz4", "a block ends inside a sequence");
    let literalBytes = token >>> 4;
    if (literalBytes === 15) literalBytes += moreLength();
    if (literalBytes > block.length - at) throw damagedBlock("lz4", "literals are cut off");
    if (literalBytes > outputEnd - output.length) throw damagedBlock("lz4", "a block's output is too large");
    output.append(block, at, literalBytes);
    at += literalBytes;
    if (at === block.length) return;
    if (at + 2 > block.length) throw damagedBlock("lz4", "a distance is cut off");
    const distance = block[at]! | (block[at + 1]! << 8);
    at += 2;
    let matchBytes = token & 15;
    if (matchBytes === 15) matchBytes += moreLength();
    matchBytes += 4;
    if (distance === 0 || distance > output.length - oldest) {
      throw damagedBlock("lz4", "a match begins before the output");
    }
    if (matchBytes > outputEnd - output.length) throw damagedBlock("lz4", "a block's output is too large");
    output.repeat(distance, matchBytes);
  }
}

/** Writes `block` (at most `BLOCK_BYTES`) and returns where it ends; the output may be larger than the block. */
function compressBlock(block: Uint8Array, output: Uint8Array, start: number, table: Int32Array): number {
  table.fill(-1);
  let to = start;
  let literalStart = 0;
  let misses = 0;
  const matchEndMax = block.length - LAST_LITERALS_BYTES;
  for (let at = 0; at < block.length - MATCH_MARGIN_BYTES;) {
    const word = u32At(block, at);
    const hash = Math.imul(word, PRIME) >>> (32 - HASH_BITS);
    const candidate = table[hash]!;
    table[hash] = at;
    if (candidate < 0 || u32At(block, candidate) !== word) {
      at += 1 + (misses++ >>> 6);
      continue;
    }
    misses = 0;
    let end = at + 4;
    while (end < matchEndMax && block[end] === block[candidate + end - at]) end++;
    to = writeSequence(block, literalStart, at, output, to, end - at - 4);
    const distance = at - candidate;
    // The distance stands between the literals and the rest of the match's length: see `writeSequence`.
    to = writeMatch(output, to, distance, end - at - 4);
    at = end;
    literalStart = end;
  }
  return writeSequence(block, literalStart, block.length, output, to, 0);
}

const PRIME = 0x9e3779b1;

/** The token and the literals [from, end). */
function writeSequence(
  block: Uint8Array,
  from: number,
  end: number,
  output: Uint8Array,
  start: number,
  match: number,
): number {
  const literalBytes = end - from;
  output[start] = (Math.min(15, literalBytes) << 4) | Math.min(15, match);
  const to = writeMoreLength(output, start + 1, literalBytes);
  output.set(block.subarray(from, end), to);
  return to + literalBytes;
}

function writeMatch(output: Uint8Array, start: number, distance: number, match: number): number {
  output[start] = distance;
  output[start + 1] = distance >>> 8;
  return writeMoreLength(output, start + 2, match);
}

/** What of a length does not fit into the token's four bits. */
function writeMoreLength(output: Uint8Array, start: number, length: number): number {
  if (length < 15) return start;
  let to = start;
  let rest = length - 15;
  for (; rest >= 255; rest -= 255) output[to++] = 255;
  output[to++] = rest;
  return to;
}
