/**
 * The sorted map of a memtable (facts S1–S4): a skip list in an arena of 32-bit words, without an object for any entry.
 * One writer, any number of readers in between; an iterator never holds up the writer, since nothing that was linked is
 * ever moved or taken away.
 *
 * A position in the arena is an index of words; 0 is none. Keys are kept as big-endian words with the top bit turned
 * over, so that two keys compare as signed words, four bytes at a time, and then by length: zeros fill the last word.
 *
 *   node       … next of level 1, next of level 0 | keyBytes, newest version, key words …      (the position is keyBytes')
 *   version    sequence (from the list's base), timestamp high, timestamp low, valueBytes (−1: deleted), older version,
 *              value bytes …
 *
 * A key has one node, and a version for each write that somebody may still see: a write drops the version before it
 * unless a live snapshot sees that.
 */
import { assert } from "../../base/assert.ts";
import type { LiveSnapshots } from "./live_snapshots.ts";
import { LEVELS_MAX, XorShift } from "./xor_shift.ts";

const NODE_VERSION = 1;
const NODE_KEY = 2;
const NODE_WORDS = 2;
const VERSION_TIME_HIGH = 1;
const VERSION_TIME_LOW = 2;
const VERSION_VALUE_BYTES = 3;
const VERSION_OLDER = 4;
const VERSION_WORDS = 5;
/** The node before the first: its tower stands before it. */
const HEAD = LEVELS_MAX + 1;
const FIRST_FREE = HEAD + NODE_WORDS;
const TOP_BIT = 0x8000_0000;
const TWO_POW_32 = 4_294_967_296;
/** Accounted beside key and value of an entry (facts S2). */
const ACCOUNTED_ENTRY_BYTES = 17;
/** Below it a loop copies quicker than a call of the runtime. */
const LOOP_COPY_BYTES_MAX = 48;

export class SkipList {
  #words: Int32Array;
  #bytes: Uint8Array;
  #free = FIRST_FREE;
  #count = 0;
  #accountedBytes = 0;
  #top = 0;
  /** Sequences are kept as differences to it. */
  readonly #sequenceBase: number;
  readonly #levels = new XorShift();
  readonly #snapshots: LiveSnapshots | null;
  /** The key that is looked for, as words. */
  #key = new Int32Array(64);
  #keyBytes = 0;
  /** For each level, the last node before the key. */
  readonly #path = new Int32Array(LEVELS_MAX).fill(HEAD);
  /** For each level, the last node of all: a key above every other needs no search. */
  readonly #tail = new Int32Array(LEVELS_MAX).fill(HEAD);

  /** `arenaBytes`: what is expected; the arena doubles beyond it. */
  constructor(arenaBytes: number, sequenceBase = 0, snapshots: LiveSnapshots | null = null) {
    const words = Math.max(FIRST_FREE + 64, Math.ceil(arenaBytes / 4));
    this.#words = new Int32Array(words);
    this.#bytes = new Uint8Array(this.#words.buffer);
    this.#sequenceBase = sequenceBase;
    this.#snapshots = snapshots;
  }

  /** Distinct keys, deleted ones included. */
  get count(): number {
    return this.#count;
  }

  /** Facts S2: keys, values and 17 bytes an entry. */
  get accountedBytes(): number {
    return this.#accountedBytes;
  }

  /** Bytes of the arena that are used. */
  get arenaBytes(): number {
    return this.#free * 4;
  }

  // -- Writing ------------------------------------------------------------------------------------------------------

  /** Returns by how much the accounted size changes. The bytes are copied. Later writes have larger sequences. */
  put(key: Uint8Array, value: Uint8Array, timestamp: number, sequence: number): number {
    this.#loadKey(key, 0, key.length);
    return this.#write(value, 0, value.length, timestamp, sequence);
  }

  delete(key: Uint8Array, timestamp: number, sequence: number): number {
    this.#loadKey(key, 0, key.length);
    return this.#write(key, 0, -1, timestamp, sequence);
  }

  /** The same for a key and a value that lie one behind the other; `valueBytes` −1 deletes. */
  write(
    bytes: Uint8Array,
    keyAt: number,
    keyBytes: number,
    valueBytes: number,
    timestamp: number,
    sequence: number,
  ): number {
    this.#loadKey(bytes, keyAt, keyBytes);
    return this.#write(bytes, keyAt + keyBytes, valueBytes, timestamp, sequence);
  }

  #write(bytes: Uint8Array, valueAt: number, valueBytes: number, timestamp: number, sequence: number): number {
    const storedBytes = valueBytes > 0 ? valueBytes : 0;
    const keyWords = (this.#keyBytes + 3) >>> 2;
    this.#reserve(LEVELS_MAX + NODE_WORDS + keyWords + VERSION_WORDS + ((storedBytes + 3) >>> 2));
    const node = this.#findForWrite();
    let change: number;
    if (node === 0) {
      const added = this.#addNode(keyWords);
      this.#words[added + NODE_VERSION] = this.#addVersion(bytes, valueAt, valueBytes, timestamp, sequence, 0);
      this.#link(added);
      this.#count += 1;
      change = this.#keyBytes + storedBytes + ACCOUNTED_ENTRY_BYTES;
    } else {
      const before = this.#words[node + NODE_VERSION]!;
      assert(sequence > this.sequenceOf(before), "A later write has a larger sequence");
      const isSeen = this.#snapshots !== null && this.#snapshots.isSeenBetween(this.sequenceOf(before), sequence);
      const older = isSeen ? before : this.#words[before + VERSION_OLDER]!;
      // One store makes the new version the newest: a reader finds the old one or the new one, whole.
      this.#words[node + NODE_VERSION] = this.#addVersion(bytes, valueAt, valueBytes, timestamp, sequence, older);
      change = storedBytes - Math.max(0, this.#words[before + VERSION_VALUE_BYTES]!);
    }
    this.#accountedBytes += change;
    return change;
  }

  /** A node for the key, with its level drawn, not yet linked; `#nodeLevel` has its level. */
  #addNode(keyWords: number): number {
    const level = this.#levels.level();
    const words = this.#words;
    const node = this.#free + level + 1;
    words[node] = this.#keyBytes;
    for (let word = 0; word < keyWords; word++) words[node + NODE_KEY + word] = this.#key[word]!;
    this.#free = node + NODE_WORDS + keyWords;
    this.#nodeLevel = level;
    return node;
  }

  #nodeLevel = 0;

  #link(node: number): void {
    const words = this.#words;
    const level = this.#nodeLevel;
    if (level > this.#top) {
      for (let above = this.#top + 1; above <= level; above++) this.#path[above] = HEAD;
      this.#top = level;
    }
    for (let at = 0; at <= level; at++) {
      const before = this.#path[at]!;
      const next = words[before - 1 - at]!;
      words[node - 1 - at] = next;
      words[before - 1 - at] = node;
      if (next === 0) this.#tail[at] = node;
    }
  }

  #addVersion(
    bytes: Uint8Array,
    valueAt: number,
    valueBytes: number,
    timestamp: number,
    sequence: number,
    older: number,
  ): number {
    const words = this.#words;
    const version = this.#free;
    words[version] = sequence - this.#sequenceBase;
    words[version + VERSION_TIME_HIGH] = timestamp / TWO_POW_32;
    words[version + VERSION_TIME_LOW] = timestamp >>> 0;
    words[version + VERSION_VALUE_BYTES] = valueBytes;
    words[version + VERSION_OLDER] = older;
    const storedBytes = valueBytes > 0 ? valueBytes : 0;
    const to = (version + VERSION_WORDS) * 4;
    if (storedBytes <= LOOP_COPY_BYTES_MAX) {
      const target = this.#bytes;
      for (let at = 0; at < storedBytes; at++) target[to + at] = bytes[valueAt + at]!;
    } else this.#bytes.set(bytes.subarray(valueAt, valueAt + storedBytes), to);
    this.#free = version + VERSION_WORDS + ((storedBytes + 3) >>> 2);
    return version;
  }

  /** Makes room before anything is linked. Positions stay what they are. */
  #reserve(words: number): void {
    const needed = this.#free + words;
    if (needed <= this.#words.length) return;
    const larger = new Int32Array(Math.max(needed, 2 * this.#words.length));
    larger.set(this.#words.subarray(0, this.#free));
    this.#words = larger;
    this.#bytes = new Uint8Array(larger.buffer);
  }

  // -- Looking ------------------------------------------------------------------------------------------------------

  /** The version of a key that a reader at `sequence` sees, deletions too, or 0. */
  find(key: Uint8Array, sequence: number): number {
    this.#loadKey(key, 0, key.length);
    const words = this.#words;
    let node = HEAD;
    let passed = 0;
    for (let level = this.#top; level >= 0; level--) {
      let next = words[node - 1 - level]!;
      while (next !== 0 && next !== passed) {
        const order = this.#compare(next);
        if (order === 0) return this.versionAt(next, sequence);
        if (order > 0) break;
        node = next;
        next = words[node - 1 - level]!;
      }
      passed = next;
    }
    return 0;
  }

  /** Facts S2's get: null for an unknown key; `value` null for a deleted one, whose timestamp is told. */
  get(key: Uint8Array, sequence = Number.MAX_SAFE_INTEGER): { value: Uint8Array | null; timestamp: number } | null {
    const version = this.find(key, sequence);
    return version === 0 ? null : { value: this.valueOf(version), timestamp: this.timestampOf(version) };
  }

  /** The first node, or 0. */
  first(): number {
    return this.#words[HEAD - 1]!;
  }

  last(): number {
    return this.#tail[0]! === HEAD ? 0 : this.#tail[0]!;
  }

  /** The node behind this one, or 0. */
  next(node: number): number {
    return this.#words[node - 1]!;
  }

  /** The first node at or after a key, or 0. */
  seek(key: Uint8Array): number {
    this.#loadKey(key, 0, key.length);
    return this.#words[this.#lastBefore() - 1]!;
  }

  /** The last node before a key, or 0. */
  seekBefore(key: Uint8Array): number {
    this.#loadKey(key, 0, key.length);
    const node = this.#lastBefore();
    return node === HEAD ? 0 : node;
  }

  /** A copy. */
  keyOf(node: number): Uint8Array {
    const words = this.#words;
    const keyBytes = words[node]!;
    const key = new Uint8Array(keyBytes);
    for (let at = 0, word = node + NODE_KEY; at < keyBytes; word++) {
      const bits = words[word]! ^ TOP_BIT;
      for (let shift = 24; shift >= 0 && at < keyBytes; shift -= 8) key[at++] = bits >>> shift;
    }
    return key;
  }

  /** The newest version of a node that a reader at `sequence` sees, or 0. */
  versionAt(node: number, sequence: number): number {
    let version = this.#words[node + NODE_VERSION]!;
    while (version !== 0 && this.sequenceOf(version) > sequence) version = this.#words[version + VERSION_OLDER]!;
    return version;
  }

  /** The version before this one, or 0. */
  olderThan(version: number): number {
    return this.#words[version + VERSION_OLDER]!;
  }

  sequenceOf(version: number): number {
    return this.#sequenceBase + (this.#words[version]! >>> 0);
  }

  timestampOf(version: number): number {
    return this.#words[version + VERSION_TIME_HIGH]! * TWO_POW_32 + (this.#words[version + VERSION_TIME_LOW]! >>> 0);
  }

  /** A copy of the value, or null for a deletion. */
  valueOf(version: number): Uint8Array | null {
    const valueBytes = this.#words[version + VERSION_VALUE_BYTES]!;
    if (valueBytes < 0) return null;
    const from = (version + VERSION_WORDS) * 4;
    return this.#bytes.slice(from, from + valueBytes);
  }

  // -- Inside -------------------------------------------------------------------------------------------------------

  #loadKey(bytes: Uint8Array, from: number, keyBytes: number): void {
    const wordCount = (keyBytes + 3) >>> 2;
    if (wordCount > this.#key.length) this.#key = new Int32Array(2 * wordCount);
    const key = this.#key;
    const whole = keyBytes >>> 2;
    let at = from;
    for (let word = 0; word < whole; word++, at += 4) {
      key[word] = ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) ^ TOP_BIT;
    }
    if (whole < wordCount) {
      let bits = 0;
      const end = from + keyBytes;
      for (let shift = 24; at < end; at++, shift -= 8) bits |= bytes[at]! << shift;
      key[whole] = bits ^ TOP_BIT;
    }
    this.#keyBytes = keyBytes;
  }

  /** Below 0: the node's key is before the key that is looked for. */
  #compare(node: number): number {
    const words = this.#words;
    const key = this.#key;
    const nodeBytes = words[node]!;
    const keyBytes = this.#keyBytes;
    const common = ((nodeBytes < keyBytes ? nodeBytes : keyBytes) + 3) >>> 2;
    for (let word = 0; word < common; word++) {
      const mine = words[node + NODE_KEY + word]!;
      const theirs = key[word]!;
      if (mine !== theirs) return mine < theirs ? -1 : 1;
    }
    return nodeBytes - keyBytes;
  }

  /** Fills the path; the key's node, or 0. */
  #findForWrite(): number {
    const last = this.#tail[0]!;
    if (last !== HEAD) {
      const order = this.#compare(last);
      if (order < 0) {
        for (let level = this.#top; level >= 0; level--) this.#path[level] = this.#tail[level]!;
        return 0;
      }
      if (order === 0) return last;
    }
    const next = this.#words[this.#lastBefore() - 1]!;
    return next !== 0 && this.#compare(next) === 0 ? next : 0;
  }

  /** The last node before the key; the path to it is kept. */
  #lastBefore(): number {
    const words = this.#words;
    const path = this.#path;
    let node = HEAD;
    let passed = 0;
    for (let level = this.#top; level >= 0; level--) {
      let next = words[node - 1 - level]!;
      while (next !== 0 && next !== passed && this.#compare(next) < 0) {
        node = next;
        next = words[node - 1 - level]!;
      }
      passed = next;
      path[level] = node;
    }
    return node;
  }
}
