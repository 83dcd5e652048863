/** Bugs that an LSM tree can have. */
import { type Mutant, mutant } from "./mutant.ts";

const TREE = "src/storage/lsm";
const COMMITS = `${TREE}/commit_queue.ts`;
const BACKGROUND = `${TREE}/background_work.ts`;
const TABLE = `${TREE}/table_writer.ts`;
const MANIFEST = `${TREE}/manifest.ts`;
const VERSIONS = `${TREE}/version_set.ts`;
const RECOVERY = `${TREE}/recover_tree.ts`;

export const TREE_MUTANTS: readonly Mutant[] = [
  mutant("tree: ack before fsync", "tree_write", [
    COMMITS,
    `await (syncMode === "always" ? log.sync(from) : log.write(from));`,
    `await log.write(from);`,
  ]),
  mutant("tree: log not synced before the next one", "tree_batch", [
    COMMITS,
    `    await this.#orNotStored(() => log.sync());
    const number`,
    `    await this.#orNotStored(() => log.write());
    const number`,
  ]),
  mutant("tree: log removed before the manifest has its table", "tree_write", [
    BACKGROUND,
    `    await this.#commit({ removed: [], added, flushedSequence`,
    `    if (!isActive) await state.removeQuietly(state.logPath(memtable.logNumber));
    await this.#commit({ removed: [], added, flushedSequence`,
  ]),
  mutant("tree: table not synced", "tree_write", [TABLE, `    await onSync(() => file.sync());\n`, ``]),
  mutant("tree: table renamed without a directory fsync", "tree_write", [
    TABLE,
    `    await onSync(() => disk.syncDirectory(directory));\n`,
    ``,
  ]),
  mutant("tree: manifest edit not synced", "tree_write", [
    MANIFEST,
    `    await orFail(() => file.sync());
    this.sizeBytes += bytes.length;`,
    `    this.sizeBytes += bytes.length;`,
  ]),
  mutant("tree: new manifest not synced before its rename", "tree_create tree_recovery", [
    MANIFEST,
    `      await orFail(() => file.sync());
      await disk.rename`,
    `      await disk.rename`,
  ]),
  mutant("tree: compaction's inputs removed before the edit is durable", "tree_compact", [
    VERSIONS,
    `      await this.#manifest.append(edit, this.#orFail);`,
    `      this.#show(change);
      await this.#manifest.append(edit, this.#orFail);`,
  ], [
    VERSIONS,
    `      this.#show(change);
      onSeen();`,
    `      onSeen();`,
  ], [BACKGROUND, `const version = versions.pin();`, `const version = versions.pin();\n    version.pins = 0;`]),
  mutant("tree: deletion dropped above an older entry", "tree_compact", [
    `${TREE}/compact_tables.ts`,
    `return this.#compaction.older.every((tables) => !mayHold(tables, key));`,
    `return true;`,
  ]),
  mutant("tree: clean mark kept at the first new log", "tree_stop", [
    `${TREE}/begin_writes.ts`,
    `if (!this.#isMarkGone) await`,
    `if (!this.#isMarkGone && !this.#wasClean) await`,
  ]),
  mutant("tree: kept tail not written again", "tree_failed_sync", [
    RECOVERY,
    `    await rewriteRange(file, trustedBytes, end.position);\n`,
    ``,
  ]),
  mutant("tree: kept tail not synced again", "tree_recovery tree_failed_sync", [
    RECOVERY,
    `    await rewriteRange(file, trustedBytes, end.position);
    await file.sync();`,
    `    await rewriteRange(file, trustedBytes, end.position);`,
  ]),
  mutant("tree: torn end of the manifest taken for corruption", "tree_write", [
    MANIFEST,
    `if (state === null || at < trustedBytes || hasEditBehind(bytes, seed, at)) throw`,
    `if (at >= 0) throw`,
  ]),
  // Without the first edit alone the tree tells the same damage: each record has a sequence of its own, so that a log
  // which ends too early, wherever that is, does not end where the next one's header says that it goes on from. Only bytes
  // behind the last record would go by, and they hold nothing.
  mutant("tree: damage in an older log taken for a torn end", "tree_write tree_batch", [
    RECOVERY,
    `      if (end.fault !== null) throw corruption(path, end.position, end.fault);\n`,
    ``,
  ], [RECOVERY, `if (header.previousSequence !== expected) {`, `if (header.previousSequence < 0) {`]),
  mutant("tree: block's checksum not verified", "tree_write", [
    `${TREE}/block.ts`,
    `if (view.getUint32(0, true) !== crc32Of(bytes, BLOCK_HEADER_BYTES, bytes.length, seed)) {`,
    `if (view.getUint32(0, true) === -1) {`,
  ]),
  mutant("tree: a failed write's bytes not cut back", "tree_full", [
    `${TREE}/log_writer.ts`,
    `      await this.#file.truncate(this.#position);\n`,
    ``,
  ]),
  mutant("tree: scrub that looks at the manifest alone", "tree_write tree_stop", [
    `${TREE}/tree_scrubber.ts`,
    `    const units = tablesOf(versions.current).map(`,
    `    const units = tablesOf(versions.current).slice(0, 0).map(`,
  ]),
  mutant("tree: scrub that takes each table for sound", "tree_write tree_stop", [
    `${TREE}/tree_scrubber.ts`,
    `new TableReader(source, table.meta).verify()`,
    `Promise.resolve(void source)`,
  ]),
  mutant("tree: scrub without a pinned version", "tree_compact tree_write", [
    `${TREE}/tree_scrubber.ts`,
    `const version = versions.pin();`,
    `const version = versions.pin();\n    version.pins = 0;`,
  ]),
  mutant("tree: point of the next log stored before the log", "tree_write", [
    COMMITS,
    `    let next;
    try {`,
    `    let next;
    await state.pointFile.write(() => ({
      logNumber: number,
      logBytes: 40,
      manifestGeneration: state.manifest.generation,
      manifestBytes: state.manifest.sizeBytes,
      clean: false,
    }));
    try {`,
  ]),
  mutant("lsm: partitions announced before the tree is synced", "lsm_topic_create engines", [
    "src/cluster/partition_store.ts",
    `if (engine === "lsm") return await this.#inTree.sync();`,
    `if (engine === "lsm") return;`,
  ]),
  mutant("lsm: a write that is done before the system has it", "lsm_produce", [
    COMMITS,
    `await (syncMode === "always" ? log.sync(from) : log.write(from));`,
    `if (syncMode === "always") await log.sync(from);`,
  ]),
];
