/** Bugs that compaction can have. */
import { type Mutant, mutant } from "./mutant.ts";

const SWAP = "src/storage/log/swap_cleaned.ts";

export const COMPACTION_MUTANTS: readonly Mutant[] = [
  mutant("a cleaned segment not synced before it takes its place", "compact", [
    "src/storage/log/cleaned_segment_writer.ts",
    `    await this.#file!.sync();\n`,
    ``,
  ]),
  mutant("a cleaned segment's name not synced before the checkpoint names it", "compact", [
    SWAP,
    `    await disk.rename(written.path, swapPath);
    await disk.syncDirectory(directory);`,
    `    await disk.rename(written.path, swapPath);`,
  ]),
  mutant("a cleaned segment takes its place before the checkpoint names it", "compact", [
    SWAP,
    `    await storeOrFail(state, { cleanOffset, segments: cleanedOf(after) }, hooks);\n`,
    ``,
  ]),
  mutant("sources removed before the checkpoint names what replaces them", "compact", [
    SWAP,
    `    const after = [`,
    `    await removeSources(disk, directory, sources.map(({ baseOffset }) => baseOffset));
    const after = [`,
  ]),
  mutant("a swap that the checkpoint names is rolled back by a start", "compact", [
    SWAP,
    `if (parsed.suffix === "swap" && cleaned !== undefined &&`,
    `if (parsed.suffix === "cleaned" && cleaned !== undefined &&`,
  ]),
  mutant("sources not gone for good before the cleaned segment has its name", "compact", [
    SWAP,
    `  }
  await disk.syncDirectory(directory);
}`,
    `  }
}`,
  ]),
  mutant("the older recovery point still names a segment that compaction takes", "compact", [
    "src/storage/log/log_cleaner.ts",
    `      await log.prepare();\n`,
    ``,
  ]),
  mutant("a tombstone dropped before its time", "compact", [
    "src/storage/log/filter_batch.ts",
    `horizonMs !== null && nowMs >= horizonMs`,
    `nowMs >= 0`,
  ]),
  mutant("a record above the high watermark supersedes one below it", "compact", [
    "src/storage/log/cleaning_plan.ts",
    `    if (segment.endOffset > bounds.upTo) break;\n`,
    ``,
  ]),
  mutant("records beyond a full key map dropped", "compact", [
    "src/storage/log/filter_batch.ts",
    `keys.get(cursor.bytes, keyStart, keyStart + keyBytes) <= offset`,
    `keys.get(cursor.bytes, keyStart, keyStart + keyBytes) === offset`,
  ]),
  mutant("a cleaned segment's gaps taken as they are", "compact", [
    "src/storage/log/check_segment.ts",
    `const isAsCleaned = cleaned !== null && summary.isOf(cleaned);`,
    `const isAsCleaned = true;`,
  ]),
];
