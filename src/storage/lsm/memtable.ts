import { SentinelError } from "../../base/errors.ts";
import type { LiveSnapshots } from "./live_snapshots.ts";
import { SkipList } from "./skip_list.ts";

/** Sequences in a list are kept as 32-bit differences, less what one group may add; an unclean start leaves a gap in them. */
const SEQUENCES_MAX = 2 ** 32 - 2 ** 22;
/** Room for what the last entry takes beyond the bound: it is rotated after it. */
const SPARE_BYTES = 64 * 1024;

/** The newest writes (facts S5): those of one write-ahead log, sorted. */
export class Memtable {
  /** The log that holds the same writes. */
  readonly logNumber: number;
  readonly list: SkipList;
  /** The last sequence before the first that may be in it. */
  readonly previousSequence: number;
  readonly #sequenceBase: number;
  readonly #bytesMax: number;
  #isFrozen = false;
  lastSequence: number;

  /** `sequenceBase`: below every sequence that will be in it. */
  constructor(
    log: { readonly number: number; readonly previousSequence: number },
    sequenceBase: number,
    bytesMax: number,
    snapshots: LiveSnapshots,
  ) {
    this.logNumber = log.number;
    this.previousSequence = log.previousSequence;
    this.lastSequence = log.previousSequence;
    this.#sequenceBase = sequenceBase;
    this.#bytesMax = bytesMax;
    this.list = new SkipList(bytesMax + Math.min(bytesMax, SPARE_BYTES), sequenceBase, snapshots);
  }

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  get isEmpty(): boolean {
    return this.list.count === 0;
  }

  /** Whether it takes no more writes: deletions count as others do (facts T15). */
  isFull(nextSequence: number): boolean {
    return this.list.arenaBytes >= this.#bytesMax || nextSequence - this.#sequenceBase >= SEQUENCES_MAX;
  }

  /** Later writes fail; reads go on. */
  freeze(): void {
    this.#isFrozen = true;
  }

  put(key: Uint8Array, value: Uint8Array, timestamp: number, sequence: number): void {
    this.#mustNotBeFrozen();
    this.list.put(key, value, timestamp, sequence);
    this.lastSequence = sequence;
  }

  delete(key: Uint8Array, timestamp: number, sequence: number): void {
    this.#mustNotBeFrozen();
    this.list.delete(key, timestamp, sequence);
    this.lastSequence = sequence;
  }

  /** Key and value as they lie in a record of the log; `valueBytes` −1 deletes. */
  write(
    bytes: Uint8Array,
    keyAt: number,
    keyBytes: number,
    valueBytes: number,
    timestamp: number,
    sequence: number,
  ): void {
    this.#mustNotBeFrozen();
    this.list.write(bytes, keyAt, keyBytes, valueBytes, timestamp, sequence);
    this.lastSequence = sequence;
  }

  #mustNotBeFrozen(): void {
    if (this.#isFrozen) throw new SentinelError("storage_error", "memtable is frozen");
  }
}
