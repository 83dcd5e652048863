/**
 * How an index names a record's key. A store bounds its keys and Kafka does not, so a long key is named by its SHA-256:
 * whoever chooses keys cannot make two of them share a name, and a lookup holds the record's key against the wanted one
 * all the same.
 *
 *   0  form u8      0: the key itself follows; 1: its SHA-256
 *   1  key or hash
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { LIMITS } from "../../base/limits.ts";

const WHOLE = 0;
const HASHED = 1;

export function indexedKey(key: Uint8Array): Uint8Array {
  const isWhole = key.length <= LIMITS.keyIndexKeyBytesMax;
  const content = isWhole ? key : sha256(key);
  const named = new Uint8Array(1 + content.length);
  named[0] = isWhole ? WHOLE : HASHED;
  named.set(content, 1);
  return named;
}
