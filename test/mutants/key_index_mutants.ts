/** Bugs that an index of keys can have. */
import { type Mutant, mutant } from "./mutant.ts";

const INDEX = "src/broker/key_index/partition_index.ts";
const INDEX_STORE = "src/broker/key_index/key_index_store.ts";
const SCENARIOS = "key_lookup key_lookup_lsm";

export const KEY_INDEX_MUTANTS: readonly Mutant[] = [
  mutant("an index's applied offset is stored before its entries", SCENARIOS, [
    INDEX_STORE,
    `    batch.put(this.#keys.keyIndexState, encodeKeyIndexState(state));
`,
    `    await this.#store.put(this.#keys.keyIndexState, encodeKeyIndexState(state));
`,
  ]),
  mutant("a lookup does not wait for the high watermark", SCENARIOS, [
    "src/broker/key_index/key_lookup.ts",
    `    this.#target = replica.highWatermark;`,
    `    this.#target = 0;`,
  ]),
  mutant("an index beyond its log's end is believed", SCENARIOS, [
    INDEX,
    `    if (await this.#isOfThisLog(stored)) this.#state = stored;`,
    `    if (stored !== null) this.#state = stored;`,
  ], [
    INDEX,
    `    if (this.#state.appliedOffset > this.#upTo) {`,
    `    if (this.#state.appliedOffset < 0) {`,
  ]),
  mutant("a tombstone leaves its key's entry", SCENARIOS, [INDEX_STORE, `      this.batch.delete(entry);\n`, ``]),
];
