/** Bugs that a log in a store can have. */
import { type Mutant, mutant } from "./mutant.ts";

const TREE = "src/storage/tree";
const BOUNDS = `${TREE}/tree_log_bounds.ts`;
const WRITER = `${TREE}/tree_log_writer.ts`;
const REWRITER = `${TREE}/tree_group_rewriter.ts`;

export const TREE_LOG_MUTANTS: readonly Mutant[] = [
  mutant("log in a tree: ack before fsync", "tree_log_cuts", [
    WRITER,
    `      await state.place.store.sync();
      // What a truncation`,
    `      // What a truncation`,
  ]),
  mutant("log in a tree: an end is stored before the batches that make it", "tree_log_cuts", [
    WRITER,
    `    write.put(state.keys.state, state.encode({ endOffset, active: growth.active }));
    await state.place.store.write(write);`,
    `    await state.place.store.put(state.keys.state, state.encode({ endOffset, active: growth.active }));
    await state.place.store.write(write);`,
  ]),
  mutant("log in a tree: batches cut before the new end is stored", "tree_log_cuts", [
    BOUNDS,
    `  await storeBounds(state, { endOffset: boundary,`,
    `  await store.deleteRange(keys.batches(boundary));
  await storeBounds(state, { endOffset: boundary,`,
  ]),
  mutant("log in a tree: batches trimmed before the new start is stored", "tree_log_cuts", [
    BOUNDS,
    `  await storeBounds(
    state,
    { startOffset: offset,`,
    `  await state.place.store.deleteRange(state.keys.batches(state.startOffset, offset));
  await storeBounds(
    state,
    { startOffset: offset,`,
  ]),
  mutant("log in a tree: a truncation is told before it is durable", "tree_log_cuts", [
    BOUNDS,
    `  await store.write(write);
  await store.sync();
}`,
    `  await store.write(write);
}`,
  ], [
    BOUNDS,
    `    await restoreProducers(state);
    await store.sync();`,
    `    await restoreProducers(state);`,
  ]),
  mutant("log in a tree: what a truncation left above the end stays at a start", "tree_log_cuts", [
    BOUNDS,
    `  await store.deleteRange(keys.batches(endOffset));\n`,
    ``,
  ]),
  mutant("log in a tree: times of what was cut are believed of what stands there now", "tree_log_cuts", [
    BOUNDS,
    `const last = await state.times.truncateFrom(cut.baseOffset, boundary);`,
    `const last = await state.times.lastBelow(cut.baseOffset, boundary);`,
  ]),
  mutant("log in a tree: times of what was cut stay at a start", "tree_log_cuts", [
    BOUNDS,
    `const last = await state.times.truncateFrom(segments.active.baseOffset, endOffset);`,
    `const last = await state.times.lastBelow(segments.active.baseOffset, endOffset);`,
  ]),
  mutant("log in a tree: a cut segment keeps the newest time of what is gone", "tree_log_cuts", [
    BOUNDS,
    `let cut: TreeSegment = { ...segment, maxTimestamp: last?.timestamp ?? -1 };`,
    `let cut: TreeSegment = { ...segment, maxTimestamp: 0 };`,
  ], [BOUNDS, `      cut = grown(cut, batch);\n`, `      grown(cut, batch);\n`]),
  mutant("log in a tree: producers of what was cut are believed", "tree_log_cuts", [
    `${TREE}/stored_producers.ts`,
    `if (offset === undefined || offset > endOffset || this.#offsets.length === SNAPSHOTS_MAX) {`,
    `if (offset === undefined || this.#offsets.length === SNAPSHOTS_MAX) {`,
  ]),
  mutant("log in a tree: records of sealed segments that a truncation took are found again", "tree_log_cuts", [
    BOUNDS,
    `  const scan = place.store.scan(keys.segments(0, active.baseOffset));`,
    `  const scan = place.store.scan(keys.segments(0));`,
  ]),
  mutant("log in a tree: gaps of a pass that a crash ends are taken for damage", "tree_log_compact tree_log_recovery", [
    REWRITER,
    `      write.put(keys.state, state.encode({ cleanedEnd }));\n`,
    ``,
  ]),
  mutant("log in a tree: a pass's changes without the sizes that they make", "tree_log_compact tree_log_recovery", [
    REWRITER,
    `if (segment !== sources[at]) write.put(`,
    `if (segment === null) write.put(`,
  ]),
  mutant("log in a tree: a cleaned segment beside its sources", "tree_log_compact tree_log_recovery", [
    REWRITER,
    `      for (const source of this.#sources.slice(1)) write.delete(keys.segment(source.baseOffset));\n`,
    ``,
  ]),
  mutant("log in a tree: compacted in two writes, first what goes", "tree_log_compact tree_log_recovery", [
    REWRITER,
    `        else write.put(keys.batch(lastOffset), kept.bytes);
      }`,
    `        else write.delete(keys.batch(lastOffset));
      }`,
  ], [
    REWRITER,
    `        state.cleanedEnd = cleanedEnd;
        state.segments.replace(sources, shrunk);`,
    `        for (const { lastOffset, kept } of changes) {
          if (kept !== null) void state.place.store.put(keys.batch(lastOffset), kept.bytes);
        }
        state.cleanedEnd = cleanedEnd;
        state.segments.replace(sources, shrunk);`,
  ]),
  mutant("log in a tree: its tables dropped before the new start is stored", "tree_log_trim", [
    BOUNDS,
    `  await storeBounds(
    state,
    { startOffset: offset,`,
    `  await state.place.store.discardRange(state.keys.batches(state.startOffset, offset));
  await storeBounds(
    state,
    { startOffset: offset,`,
  ]),
  mutant("tree: a table dropped that holds keys outside the range", "tree_log_trim", [
    "src/storage/lsm/lsm_store.ts",
    `(to === undefined || compareBytes(maxKey, to) < 0)`,
    `(to === undefined || compareBytes(minKey, to) < 0)`,
  ]),
];
