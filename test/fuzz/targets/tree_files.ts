/**
 * The LSM tree's parsers. Behind a right checksum anything may stand: the forms are parsed without one. A whole tree is
 * opened over one changed file: it finds what was written, or a part that may be missing, or says which file is damaged;
 * it never finds anything else.
 */
import assert from "node:assert/strict";
import { BlockBuilder, decodeBlock } from "../../../src/storage/lsm/block.ts";
import { decodeBloomFilter, encodeBloomFilter } from "../../../src/storage/lsm/bloom_filter.ts";
import { crc32Of } from "../../../src/bytes/crc32.ts";
import {
  decodeLogHeader,
  encodeLogHeader,
  forEachOperation,
  recordFaultOf,
} from "../../../src/storage/lsm/log_record.ts";
import {
  decodeManifestEdit,
  decodeManifestHeader,
  encodeManifestEdit,
  encodeManifestHeader,
} from "../../../src/storage/lsm/manifest_edit.ts";
import { decodeTableFooter, encodeTableFooter, footerBytesOf } from "../../../src/storage/lsm/table_footer.ts";
import { decodeVersionZeroLog, decodeVersionZeroTable } from "../../../src/storage/lsm/version_zero.ts";
import { WriteBatch } from "../../../src/storage/write_batch.ts";
import { FaultyDisk } from "../../storage/faulty_disk.ts";
import { bytesOf, openTree, pairsOf, TREE_DIRECTORY } from "../../storage/tree_fixture.ts";
import { VERSION_ZERO_LOG, VERSION_ZERO_TABLE } from "../../storage/version_zero_bytes.ts";
import type { FuzzTarget } from "../fuzz_target.ts";
import { mutate } from "../mutation.ts";
import { refusalsAllowed } from "./documented_errors.ts";

const KEY = bytesOf("key");

function checkBlock(bytes: Uint8Array): void {
  const block = decodeBlock(bytes);
  if (typeof block === "string") return;
  for (let entry = 0; entry < block.count; entry++) {
    assert.ok(block.keyAt(entry).length + (block.valueViewAt(entry)?.length ?? 0) <= bytes.length);
    assert.ok(block.sequenceAt(entry) >= 0 && block.timestampAt(entry) >= 0);
  }
  const found = block.find(KEY, Infinity);
  assert.ok(found >= -1 && found < block.count && block.lastAtOrBefore(KEY) < block.count);
}

function checkFilter(bytes: Uint8Array): void {
  const filter = decodeBloomFilter(bytes);
  if (filter !== null) assert.equal(typeof filter.mayHold(0x1234_5678), "boolean");
}

/** The checksum is made right again, so that what is behind it is reached. */
function checkFooter(bytes: Uint8Array): void {
  const copy = bytes.slice();
  if (copy.length >= 16) {
    const length = footerBytesOf(copy.subarray(copy.length - 16), copy.length);
    assert.ok(typeof length === "string" || length <= copy.length);
    reseal(copy, copy.length - 8, 0, copy.length - 8, 1_000);
  }
  const footer = decodeTableFooter(copy, 0, 1_000);
  if (typeof footer === "string") return;
  assert.ok(footer.indexPosition + footer.indexBytes <= 1_000 && footer.filterPosition + footer.filterBytes <= 1_000);
  assert.ok(footer.minKey.length + footer.maxKey.length < copy.length);
}

function checkEdit(bytes: Uint8Array): void {
  const copy = bytes.slice();
  if (copy.length >= 12) {
    const end = 12 + new DataView(copy.buffer).getUint32(8, true);
    reseal(copy, 4, 8, Math.min(end, copy.length), 0);
  }
  const decoded = decodeManifestEdit(copy, 0, 0);
  if (typeof decoded === "string") return;
  assert.ok(decoded.end <= copy.length && decoded.edit.added.length + decoded.edit.removed.length <= copy.length);
}

function checkHeaders(bytes: Uint8Array): void {
  assert.ok(decodeLogHeader(bytes, 7) !== null && decodeManifestHeader(bytes, 7) !== null);
}

function checkRecord(bytes: Uint8Array): void {
  const copy = bytes.slice();
  if (copy.length < 28) return;
  reseal(copy, 0, 4, copy.length, 0);
  const fault = recordFaultOf(copy, 0, copy.length, 0);
  let end = 28;
  const isWhole = forEachOperation(copy, 28, copy.length, (keyAt, keyBytes, valueBytes) => {
    assert.equal(keyAt, end + 8);
    end = keyAt + keyBytes + Math.max(0, valueBytes);
  });
  assert.ok(end <= copy.length && (fault !== null || isWhole));
}

function checkVersionZero(bytes: Uint8Array): void {
  const log = decodeVersionZeroLog(bytes);
  assert.ok(log.endPosition <= bytes.length && log.entries.length <= bytes.length);
  const table = decodeVersionZeroTable(bytes);
  assert.ok(typeof table === "string" || table.length <= bytes.length);
}

function reseal(bytes: Uint8Array, crcAt: number, from: number, end: number, seed: number): void {
  if (end > from) new DataView(bytes.buffer).setUint32(crcAt, crc32Of(bytes, from, end, seed), true);
}

function formats(): readonly (readonly [Uint8Array, (bytes: Uint8Array) => void])[] {
  const builder = new BlockBuilder();
  for (let entry = 0; entry < 6; entry++) builder.add(bytesOf(`key${entry}`), entry === 2 ? null : KEY, 5, 9 - entry);
  const block = builder.finish(0).slice(8);
  const filter = encodeBloomFilter(Int32Array.from([1, -2, 3]), 3);
  const place = { indexPosition: 700, indexBytes: 100, filterPosition: 600, filterBytes: 100, lastSequence: 9 };
  const footer = encodeTableFooter({ ...place, entryCount: 6, minKey: KEY, maxKey: bytesOf("key5") }, 0, 1_000);
  const meta = { number: 4, writtenLevel: 0, sizeBytes: 900, entryCount: 6, lastSequence: 9, footerCrc: 3 };
  const edit = encodeManifestEdit(
    {
      flushedSequence: 9,
      lastSequence: 12,
      logNumber: 5,
      nextFileNumber: 7,
      removed: [1, 2],
      added: [{ level: 0, meta: { ...meta, minKey: KEY, maxKey: bytesOf("key5") } }],
    },
    0,
    0,
  );
  const batch = new WriteBatch().put(KEY, KEY).delete(bytesOf("other"));
  const record = new Uint8Array(28 + batch.sizeBytes);
  record.set(batch.bytes, 28);
  new DataView(record.buffer).setUint32(24, 2, true);
  return [
    [block, checkBlock],
    [filter, checkFilter],
    [footer, checkFooter],
    [edit, checkEdit],
    [encodeLogHeader({ number: 3, previousSequence: 8 }, 7), checkHeaders],
    [encodeManifestHeader(4, 7), checkHeaders],
    [record, checkRecord],
    [VERSION_ZERO_LOG, checkVersionZero],
    [VERSION_ZERO_TABLE, checkVersionZero],
  ];
}

/** The first byte chooses the form. */
export const treeForms: FuzzTarget = {
  name: "tree_forms",
  weight: 150,
  inputsPerSubject: 1_000_000,
  open: async () => {
    const all = formats();
    return {
      make(random) {
        const which = random.below(all.length);
        return prefixed(which, mutate(random, all[which]![0]));
      },
      check: (input) => all[(input[0] ?? 0) % all.length]![1](input.subarray(1)),
    };
  },
};

/** The first byte chooses the file: manifest, table, older log, newest log, recovery point. */
export const treeDirectories: FuzzTarget = {
  name: "tree_directories",
  weight: 8,
  inputsPerSubject: 200,
  async open() {
    const disk = new FaultyDisk();
    const store = await openTree(disk, { syncMode: "always", memtableBytes: 100_000 });
    const put = async (key: string): Promise<unknown> => await store.put(bytesOf(key), bytesOf(`value of ${key}`));
    for (let key = 0; key < 30; key++) await put(`a${key}`);
    await store.flush();
    for (let key = 0; key < 10; key++) await put(`b${key}`);
    const image = disk.crash("kill");
    const paths = (await image.list(TREE_DIRECTORY)).filter((name) => name !== "LOCK").map((name) =>
      `${TREE_DIRECTORY}/${name}`
    );
    const wholes = paths.map((path) => image.bytesOf(path).slice());
    return {
      make(random) {
        const which = random.below(paths.length);
        return prefixed(which, mutate(random, wholes[which]!));
      },
      async check(input) {
        const which = (input[0] ?? 0) % paths.length;
        const changed = image.crash("kill");
        changed.put(paths[which]!, input.slice(1));
        await refusalsAllowed(readTree(changed), ["storage_error"]);
      },
    };
  },
};

async function readTree(disk: FaultyDisk): Promise<void> {
  const opened = await openTree(disk);
  try {
    for (const pair of await pairsOf(opened)) {
      const [key, value] = pair.split("=") as [string, string];
      assert.ok(/^(?:a[12]?\d|b\d)$/.test(key) && value === `value of ${key}`, `nobody wrote ${pair}`);
    }
  } finally {
    await opened.close();
  }
}

function prefixed(first: number, rest: Uint8Array): Uint8Array {
  const input = new Uint8Array(1 + rest.length);
  input[0] = first;
  input.set(rest, 1);
  return input;
}
