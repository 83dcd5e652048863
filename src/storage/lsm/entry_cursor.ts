/**
 * A walk over the entries of one memtable, table or level, all versions of every key. Going up, keys ascend and of one key
 * the newest entry comes first; going down, keys descend and the entries of one key come together, in any order.
 */
import type { Answer } from "../key_value_store.ts";

export interface EntryCursor {
  /** The key here, or null at the end. Must not be changed. */
  readonly key: Uint8Array | null;
  readonly sequence: number;
  readonly timestamp: number;
  /** A copy; null for a deletion. */
  value(): Uint8Array | null;
  /** Goes to the first entry at or after a key; null: to the first of all. */
  seekUp(key: Uint8Array | null): Answer<void>;
  /** Goes to the last entry before a key; null: to the last of all. */
  seekDown(key: Uint8Array | null): Answer<void>;
  /** Goes to the next entry up. */
  up(): Answer<void>;
  down(): Answer<void>;
}
