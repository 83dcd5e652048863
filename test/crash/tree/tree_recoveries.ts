/** Starts of a tree over images, each distinct image once. */
import { afterPowerLoss } from "../../../adapters/simulation/power_loss.ts";
import type { Volume } from "../../../adapters/simulation/volume.ts";
import type { LsmStore } from "../../../src/storage/lsm/lsm_store.ts";
import type { TreeSettings } from "../../../src/storage/lsm/tree_settings.ts";
import type { Damage, ScrubPace } from "../../../src/storage/scrubbing.ts";
import { settled, startCrashProcess } from "../crash_process.ts";
import { textOfPairs } from "./tree_expectation.ts";
import { openTree, TREE_PATH } from "./tree_script.ts";

const AT_ONCE: ScrubPace = { take: () => Promise.resolve() };
const ROOM_BYTES = 2 ** 40;
const decoder = new TextDecoder();

/** What a start finds, or why there is none; and what the scrub tells of its files, which comes before any reader. */
export type TreeRecovery =
  & { readonly scrubbed: readonly Damage[]; readonly faults: readonly string[] }
  & ({ readonly text: string } | { readonly failure: string });

export class TreeRecoveries {
  readonly #settings: Partial<TreeSettings>;
  readonly #byHash = new Map<string, TreeRecovery>();
  readonly #followed = new Set<string>();
  starts = 0;

  constructor(settings: Partial<TreeSettings>) {
    this.#settings = settings;
  }

  get distinct(): number {
    return this.#byHash.size;
  }

  /** What a start over this image finds. The image is left alone. */
  async of(image: Volume): Promise<TreeRecovery> {
    const hash = image.hash();
    const known = this.#byHash.get(hash);
    if (known !== undefined) return known;
    const recovery = await this.#start(image.copy());
    this.#byHash.set(hash, recovery);
    return recovery;
  }

  /** The disk after each effect of the start over this image. */
  async stepsOf(image: Volume): Promise<Volume[]> {
    const volume = image.copy();
    const steps: Volume[] = [];
    await this.#start(volume, () => void steps.push(volume.copy()));
    return steps;
  }

  /** The disk after a start over this image and a clean stop. */
  async cleanlyStopped(image: Volume): Promise<Volume> {
    const volume = image.copy();
    const recovery = await this.#start(volume, undefined, (store) => store.close());
    if ("failure" in recovery) throw new Error(`It does not start: ${recovery.failure}`);
    return volume;
  }

  /** What was served outlives a power loss (I45); it takes writes; a clean stop and a start change nothing. */
  async followUp(image: Volume): Promise<string[]> {
    const hash = image.hash();
    if (this.#followed.has(hash)) return [];
    this.#followed.add(hash);
    const first = image.copy();
    const before = await this.#start(first);
    if ("failure" in before) return [];
    const second = afterPowerLoss(first, { kind: "all-lost" });
    second.capacityBytes = ROOM_BYTES;
    const key = new TextEncoder().encode("~ appended");
    const next = await this.#start(second, undefined, async (store) => {
      await store.put(key, key);
      await store.sync();
    });
    if ("failure" in next) return [`I45: no start after a power loss behind a recovery: ${next.failure}`];
    if (next.text !== before.text) return [`I45: after a power loss ${next.text} where ${before.text} was served`];
    const third = afterPowerLoss(second, { kind: "all-lost" });
    const stopped = await this.#start(third, undefined, (store) => store.close());
    if ("failure" in stopped) return [`I45: no start after an append: ${stopped.failure}`];
    const expected = [next.text, "~ appended=~ appended"].filter((text) => text !== "").join("\n");
    if (stopped.text !== expected) return [`what was appended after the recovery is not there: ${stopped.text}`];
    const last = await this.#start(afterPowerLoss(third, { kind: "all-lost" }));
    if ("failure" in last) return [`I45: no start after a clean stop: ${last.failure}`];
    return last.text === expected ? [] : [`I45: after a clean stop ${last.text} where ${expected} was`];
  }

  async #start(
    volume: Volume,
    onEffect?: () => void,
    then: (store: LsmStore) => Promise<void> = async () => {},
  ): Promise<TreeRecovery> {
    this.starts += 1;
    const before = volume.filePaths();
    const process = startCrashProcess(volume, onEffect === undefined ? {} : { onEffect });
    const scrubbed: Damage[] = [];
    let isScrubbed = false;
    try {
      return await settled((async () => {
        const store = await openTree(process.platform, this.#settings);
        const faults = orphanFaults(before, volume, store);
        for (const unit of store.scrubbing.units()) scrubbed.push(...await unit.scrub(AT_ONCE) ?? []);
        isScrubbed = true;
        const found = await observe(store);
        await then(store);
        return { text: found.text, scrubbed, faults: [...faults, ...found.faults] };
      })());
    } catch (thrown) {
      const failure = thrown instanceof Error ? thrown.message : String(thrown);
      const isTold = !isScrubbed || !/Damaged file \S+\.sst/.test(failure) ||
        scrubbed.some(({ path }) => failure.includes(path));
      return {
        failure,
        scrubbed,
        faults: isTold ? [] : [`I44: the scrub did not tell of what a reader met: ${failure}`],
      };
    } finally {
      process.halt();
    }
  }
}

/** All pairs, by a scan up; what a scan down and lookups say otherwise. */
async function observe(store: LsmStore): Promise<{ readonly text: string; readonly faults: readonly string[] }> {
  const pairs: Record<string, string> = {};
  const up = await keysOf(store, false, pairs);
  const down = await keysOf(store, true, {});
  const faults: string[] = [];
  if (up.join() !== down.reverse().join()) faults.push(`I37: a scan down finds ${down.join()}, a scan up ${up.join()}`);
  for (const key of up) {
    const found = await store.get(new TextEncoder().encode(key));
    if (found === null || decoder.decode(found) !== pairs[key]) faults.push(`I37: get(${key}) contradicts the scan`);
  }
  return { text: textOfPairs(pairs), faults };
}

async function keysOf(store: LsmStore, reverse: boolean, pairs: Record<string, string>): Promise<string[]> {
  const scan = store.scan({ reverse });
  const keys: string[] = [];
  for (let pair = await scan.next(); pair !== null; pair = await scan.next()) {
    const key = decoder.decode(pair.key);
    keys.push(key);
    pairs[key] = decoder.decode(pair.value);
  }
  scan.close();
  return keys;
}

/** I39: of the files that a start found, none is left that nobody needs. Its own work in the background makes others. */
function orphanFaults(before: readonly string[], volume: Volume, store: LsmStore): string[] {
  const left = volume.filePaths().filter((path) => before.includes(path) && path.startsWith(`${TREE_PATH}/`));
  const tables = left.filter((path) => path.endsWith(".sst")).length;
  const faults = left.filter((path) => path.endsWith(".tmp")).map((path) => `I39: ${path} is left after a start`);
  if (tables > store.report.tables) faults.push(`I39: ${tables} table files, ${store.report.tables} tables`);
  return faults;
}
