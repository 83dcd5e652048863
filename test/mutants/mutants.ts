/**
 * Bugs that a log can have, each as a small change of the source, with the scenarios of the crash harness that must find
 * it. The list is reliability §7's, where it applies, and what the harness itself has found. A mutant that survives means
 * that the tests are blind there.
 */

import { COMPACTION_MUTANTS } from "./compaction_mutants.ts";
import { KEY_INDEX_MUTANTS } from "./key_index_mutants.ts";
import { type Mutant, mutant } from "./mutant.ts";
import { TREE_LOG_MUTANTS } from "./tree_log_mutants.ts";
import { TREE_MUTANTS } from "./tree_mutants.ts";

const WRITER = "src/storage/log/log_writer.ts";
const RECOVERY = "src/storage/log/recover_log.ts";
const LOG = "src/storage/log/segment_log.ts";
const READER = "src/storage/log/segment_reader.ts";
const REPLICA = "src/cluster/local_replica.ts";
const STORE = "src/cluster/partition_store.ts";
const TOPICS = "src/broker/topics.ts";
const PRODUCERS = "src/storage/producer_states.ts";
const GROUP = "src/broker/groups/group.ts";
const KEYED = "src/broker/keyed_producing.ts";

export const MUTANTS: readonly Mutant[] = [
  mutant("ack before fsync", "produce", [
    REPLICA,
    `=== "fsync" ? this.#log.durableOffset : this.#log.writtenOffset`,
    `=== "never" ? this.#log.durableOffset : this.#log.writtenOffset`,
  ]),
  mutant("high watermark before the records are stored", "produce", [
    REPLICA,
    `upTo: this.#highWatermark }`,
    `upTo: this.#log.endOffset }`,
  ]),
  mutant("fsync tried again after a failure", "failed_sync", [
    WRITER,
    `this.#orFail(() => segment.file.sync())`,
    `this.#orFail(() => segment.file.sync().catch(() => segment.file.sync()))`,
  ]),
  mutant("no directory fsync at a roll", "roll", [
    WRITER,
    `await this.#orFail(() => state.disk.syncDirectory(state.directory));`,
    ``,
  ]),
  mutant("no directory fsync at a topic's creation", "topic_create", [
    TOPICS,
    `await store.syncEntries(entry.engine);`,
    ``,
  ]),
  mutant("index trusted without a check", "roll", [
    READER,
    `if (indexedOffset !== null && (isFault ||`,
    `if (indexedOffset === -2 && (isFault ||`,
  ]),
  mutant("time index trusted without a check", "roll produce clean_stop", [
    READER,
    `isThere = batch.lastOffset === lastOffset && batch.maxTimestamp === maxTimestamp;`,
    `isThere = true;`,
  ]),
  mutant("corruption taken for a torn tail", "clean_stop roll", [
    RECOVERY,
    `if (end.fault !== null && end.position < trusted.bytes) throw corruption`,
    `if (end.fault !== null && end.position < 0) throw corruption`,
  ]),
  mutant("torn tail taken for corruption", "recovery produce", [
    RECOVERY,
    `if (end.fault !== null && end.position < trusted.bytes) throw corruption`,
    `if (end.fault !== null) throw corruption`,
  ]),
  mutant("checksum not verified on read", "roll clean_stop", [
    READER,
    `const verifyCrc = !this.#verified.covers(position, position + 1);`,
    `const verifyCrc = false;`,
  ]),
  mutant("epoch not verified on read", "truncate", [
    "src/storage/log/check_epochs.ts",
    `if (leaderEpoch === known) continue;`,
    `if (leaderEpoch !== -2) continue;`,
  ]),
  mutant("full disk acknowledged", "full_disk", [
    WRITER,
    `await active.file.writeAt(active.sizeBytes, group.map((batch) => batch.bytes));`,
    `await active.file.writeAt(active.sizeBytes, group.map((batch) => batch.bytes))
      .catch((thrown) => { if (thrown.code !== "no_space") throw thrown; });`,
  ]),
  mutant("clean mark kept at the first write", "clean_stop", [
    WRITER,
    `if (state.recoveryPoint.clean) {`,
    `if (state.recoveryPoint.clean && state.endOffset < 0) {`,
  ]),
  mutant("epoch checkpoint not stored before its batch", "truncate", [
    WRITER,
    `await this.#orFailUnlessFull(() => this.storeEpochs());`,
    `this.#storedEpoch = batch.leaderEpoch;`,
  ]),
  mutant("epoch checkpoint not synced", "truncate topic_create", [
    "src/storage/small_file.ts",
    `    await file.sync();\n`,
    ``,
  ]),
  mutant("renamed file without a directory fsync", "truncate topic_create", [
    "src/storage/small_file.ts",
    `  await disk.syncDirectory(directory);\n`,
    ``,
  ]),
  mutant("recovery point not lowered before a truncation", "truncate", [
    LOG,
    `    await this.#writer.writeRecoveryPoint(
      { segmentBaseOffset, position, endOffset: boundary, logStartOffset: state.startOffset, clean: false },
      "both",
    );`,
    ``,
  ]),
  mutant("only one slot lowered before a truncation", "truncate", [
    LOG,
    `logStartOffset: state.startOffset, clean: false },
      "both",`,
    `logStartOffset: state.startOffset, clean: false },
      "next",`,
  ]),
  mutant("truncation not synced", "truncate", [LOG, `await target.file.sync();`, ``]),
  mutant("kept tail not written again", "failed_sync", [
    RECOVERY,
    `await rewriteRange(segment, start);`,
    `await segment.file.sync();`,
  ]),
  mutant("kept tail not synced again", "recovery produce", [
    "src/storage/log/rewrite_range.ts",
    `  await segment.file.sync();\n}`,
    `}`,
  ]),
  mutant("recovery point written before the sync it describes", "produce", [
    WRITER,
    `      await this.#syncFile(active);
      state.durableOffset = Math.max`,
    `      await this.writeRecoveryPoint(point);
      await this.#syncFile(active);
      state.durableOffset = Math.max`,
  ]),
  mutant("recovery point not synced", "trim truncate", [
    "src/storage/log/recovery_point.ts",
    `await this.#file.sync();`,
    ``,
  ]),
  mutant("trim removes files before the recovery point", "trim", [
    LOG,
    `        const point = await this.#writer.syncToEnd();`,
    `        state.startOffset = offset;
        await this.#removeTrimmed();
        const point = await this.#writer.syncToEnd();`,
  ]),
  mutant("trim finished by a start before its recovery point is durable", "trim retention", [
    RECOVERY,
    `    // Before anything below the log start goes: the slot that told of it, clean or not, may be in the page cache alone.`,
    `    if (isTrimLeft) await this.#finishTrim();`,
  ]),
  mutant("clean recovery point not made durable before a trim is finished", "trim_after_clean_stop", [
    RECOVERY,
    `else if (isTrimLeft || !this.#trusted.clean) await`,
    `else if (!this.#trusted.clean) await`,
  ]),
  mutant("holes among trimmed segments taken for damage", "trim", [RECOVERY, `    this.#setTrimmedApart();\n`, ``]),
  mutant("metadata record before the directories", "topic_create", [
    TOPICS,
    `    await this.#createPartitions(entry, from);
    const added`,
    `    await this.#announce(record);
    await this.#createPartitions(entry, from);
    const added`,
  ], [
    TOPICS,
    `      await this.#announce(record);
      return added;`,
    `      return added;`,
  ]),
  mutant("files removed before the delete record", "topic_delete", [
    TOPICS,
    `      await this.#announce(deleteRecord(topic.entry));`,
    `      await this.#removeOrLeave(topic.entry);
      await this.#announce(deleteRecord(topic.entry));`,
  ]),
  mutant("a deleted topic's directory taken over by its successor", "topic_delete", [
    STORE,
    `    await this.#setAside(location.directory);\n`,
    ``,
  ], [TOPICS, `      await this.#removeOrLeave(topic.entry);\n`, ``]),
  mutant("a failed write's bytes not cut back", "full_disk", [
    WRITER,
    `await active.file.truncate(active.sizeBytes);`,
    ``,
  ]),
  mutant("a failed write's cut not synced", "full_disk", [WRITER, `      await active.file.sync();\n`, ``]),
  mutant("roll without a sync of the sealed segment", "roll", [
    WRITER,
    `      await this.syncToEnd();
      await sealed.finishIndexes();`,
    `      state.durableOffset = state.writtenOffset;
      await sealed.finishIndexes();`,
  ]),
  mutant("snapshot trims the metadata log before it is durable", "metadata_snapshot", [
    "src/cluster/metadata_log.ts",
    `    await this.append([{ type: "snapshot" }, ...records]);
    await this.#log.trimBefore(from);`,
    `    await this.#log.trimBefore(from);
    await this.append([{ type: "snapshot" }, ...records]);`,
  ]),
  mutant("a retry acknowledged before its original is durable", "idempotent_produce", [
    REPLICA,
    `if (endOffset <= this.#reached) return Promise.resolve();`,
    `if (endOffset > 0) return Promise.resolve();`,
  ]),
  mutant("producers not taken back with a cut", "idempotent_cut_back", [
    WRITER,
    `    state.producers.cutBackTo(state.endOffset);\n`,
    ``,
  ]),
  mutant("only the last batch of a producer is remembered", "idempotent_produce", [
    PRODUCERS,
    `      const original = known.batches.find((each) =>`,
    `      const original = known.batches.slice(-1).find((each) =>`,
  ]),
  mutant("producer snapshot trusted without its checksum", "idempotent_produce", [
    "src/storage/log/producer_snapshot.ts",
    `version !== VERSION || crc !== crc32c(bytes, CRC_START)) return null;`,
    `version !== VERSION || crc === -1) return null;`,
  ]),
  mutant("a producer snapshot holds the last batch only", "idempotent_produce", [
    "src/storage/log/producer_snapshot.ts",
    `    for (const batch of batches) {
      writer.bigInt64(producerId);`,
    `    for (const batch of batches.slice(-1)) {
      writer.bigInt64(producerId);`,
  ], [
    "src/storage/log/producer_snapshot.ts",
    `states.reduce((sum, { batches }) => sum + batches.length, 0)`,
    `states.length`,
  ]),
  mutant("producers restored from the snapshot alone", "idempotent_produce", [
    "src/storage/log/restore_producers.ts",
    `if (batch.baseOffset >= from) producers`,
    `if (batch.baseOffset > from + 1e9) producers`,
  ]),
  mutant("the records of a request with a key before its intent", "idempotency_key", [
    KEYED,
    `    await this.#log.append({ scopedKey, timestamp: nowMs, value: intent });
    return intent;`,
    `    this.#log.append({ scopedKey, timestamp: nowMs, value: intent }).catch(() => {});
    return intent;`,
  ]),
  mutant("an interrupted request begins anew", "idempotency_key", [
    KEYED,
    `      if (landed !== null) this.#settle(scopedKey, landed);
    }`,
    `      if (landed !== null) this.#settle(scopedKey, []);
    }`,
  ]),
  mutant("a producer id serves two requests at once", "idempotency_key", [
    KEYED,
    `      if (!(thrown instanceof SentinelError)) throw thrown;
      isKept = false;
    }`,
    `      if (!(thrown instanceof SentinelError)) throw thrown;
    }`,
  ], [
    KEYED,
    `    const runs = rest.map(({ partition, records }): SequencedRun => {`,
    `    this.#idle.push(producerId);
    const runs = rest.map(({ partition, records }): SequencedRun => {`,
  ]),
  ...COMPACTION_MUTANTS,
  mutant("a position is shown before it is stored", "offset_commits", [
    GROUP,
    `    this.offsets.begin(offsets);
`,
    `    this.offsets.begin(offsets);
    for (const { topic, partition, committed } of offsets) this.offsets.apply(topic, partition, committed);
`,
  ]),
  mutant("an assignment is told before it is stored", "offset_commits", [
    "src/broker/groups/group_coordinator.ts",
    `    acknowledged.then(() => settle(null),`,
    `    acknowledged.catch(() => {});
    if (records[0]?.type === "group") acknowledged = Promise.resolve();
    acknowledged.then(() => settle(null),`,
  ]),
  mutant("tombstones are passed over at a start", "offset_commits", [
    GROUP,
    `    if (record.type === "offset") this.offsets.apply`,
    `    if (record.type === "offset" && record.value !== null) this.offsets.apply`,
  ]),
  ...TREE_MUTANTS,
  ...TREE_LOG_MUTANTS,
  ...KEY_INDEX_MUTANTS,
];
