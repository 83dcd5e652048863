import { formatUuid } from "../base/ids.ts";
import { LIMITS } from "../base/limits.ts";
import { ByteReader } from "../bytes/byte_reader.ts";
import { decodeUtf8, decodeUtf8Leniently } from "../bytes/utf8.ts";

/** The uuid that means "none": 16 zero bytes. */
export const UUID_NONE = "AAAAAAAAAAAAAAAAAAAAAA";

/**
 * Reads the types of Kafka's messages (protocol §2) from bytes that are not trusted. Like `ByteReader` it never throws
 * and keeps the first fault. `compact…` are the forms of flexible versions: a length plus one, where zero is null.
 */
export class SchemaReader extends ByteReader {
  /** Array items that a message may still have: each becomes an object, which is larger than its bytes. */
  #itemsLeft: number = LIMITS.schemaItemsMax;

  bool(): boolean {
    return this.uint8() !== 0;
  }

  uuid(): string {
    const bytes = this.take(16);
    if (bytes.length === 0) return UUID_NONE;
    return formatUuid(bytes);
  }

  string(): string {
    return this.#text(this.int16());
  }

  nullableString(): string | null {
    const length = this.int16();
    return length === -1 ? null : this.#text(length);
  }

  compactString(): string {
    return this.#text(this.unsignedVarint() - 1);
  }

  compactNullableString(): string | null {
    const length = this.unsignedVarint();
    return length === 0 ? null : this.#text(length - 1);
  }

  data(): Uint8Array {
    return this.take(this.int32());
  }

  nullableData(): Uint8Array | null {
    const length = this.int32();
    return length === -1 ? null : this.take(length);
  }

  compactData(): Uint8Array {
    return this.take(this.unsignedVarint() - 1);
  }

  compactNullableData(): Uint8Array | null {
    const length = this.unsignedVarint();
    return length === 0 ? null : this.take(length - 1);
  }

  /** The number of an array's items, each of at least `itemBytesMin` bytes; −1 for null. 0 after a fault. */
  nullableCount(itemBytesMin: number): number {
    const count = this.int32();
    return count === -1 ? -1 : this.#checkItems(count, itemBytesMin);
  }

  count(itemBytesMin: number): number {
    return this.#checkItems(this.int32(), itemBytesMin);
  }

  compactNullableCount(itemBytesMin: number): number {
    const count = this.unsignedVarint();
    if (count === 0) return this.fault === null ? -1 : 0;
    return this.#checkItems(count - 1, itemBytesMin);
  }

  compactCount(itemBytesMin: number): number {
    return this.#checkItems(this.unsignedVarint() - 1, itemBytesMin);
  }

  /** Whether a nullable struct is there. */
  isPresent(): boolean {
    const mark = this.int8();
    if (mark !== 1 && mark !== -1) this.fail(`A mark of ${mark} before a struct`);
    return mark === 1;
  }

  /** Jumps over the tagged fields of a struct of which none is known. */
  skipTaggedFields(): void {
    const count = this.unsignedVarint();
    if (count === 0) return;
    let last = -1;
    for (let left = this.checkCount(count, 2); left > 0 && this.fault === null; left -= 1) {
      last = this.nextTag(last);
      this.skip(this.unsignedVarint());
    }
  }

  /** The number of a tagged field, which must be above the one before. */
  nextTag(last: number): number {
    const tag = this.unsignedVarint();
    if (tag <= last) this.fail(`The tag ${tag} follows ${last}`);
    return tag;
  }

  /** States that a tagged field took exactly the bytes that it claimed. */
  checkTagEnd(endAt: number): void {
    if (this.at !== endAt) this.fail(`A tagged field ends at ${this.at}, not at ${endAt}`);
  }

  /** Bytes that are not UTF-8 become U+FFFD, as in Kafka: a client whose id is in Latin-1 works there. */
  #text(length: number): string {
    const at = this.at;
    this.skip(length);
    if (this.fault !== null) return "";
    const end = at + length;
    return decodeUtf8(this.bytes, at, end) ?? decodeUtf8Leniently(this.bytes.subarray(at, end));
  }

  #checkItems(count: number, itemBytesMin: number): number {
    const checked = this.checkCount(count, itemBytesMin);
    if (checked > this.#itemsLeft) {
      this.fail(`${checked} items are more than the ${this.#itemsLeft} that are left`);
      return 0;
    }
    this.#itemsLeft -= checked;
    return checked;
  }
}
