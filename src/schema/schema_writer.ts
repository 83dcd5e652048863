import { assert } from "../base/assert.ts";
import { parseUuid } from "../base/ids.ts";
import { ByteWriter } from "../bytes/byte_writer.ts";
import { utf8Bytes } from "../bytes/utf8.ts";

const STRING_BYTES_MAX = 32_767;
/** Byte strings below this are copied: one more slice in a write costs more than that. */
const SLICE_BYTES_MIN = 512;

/**
 * Writes the types of Kafka's messages (protocol §2). Long byte strings are not copied: the result is a list of slices,
 * of which some are the caller's own.
 */
export class SchemaWriter extends ByteWriter {
  readonly #slices: Uint8Array[] = [];
  /** Where in the written bytes each of `#slices` belongs. */
  readonly #sliceAt: number[] = [];
  #sliceBytes = 0;

  /** Bytes of all slices together. */
  get sizeBytes(): number {
    return this.at + this.#sliceBytes;
  }

  bool(value: boolean): void {
    this.uint8(value ? 1 : 0);
  }

  uuid(value: string): void {
    const raw = parseUuid(value);
    assert(raw !== null, () => `"${value}" is no uuid`);
    this.bytes(raw);
  }

  string(value: string): void {
    const sizeBytes = utf8Bytes(value);
    assert(sizeBytes <= STRING_BYTES_MAX, () => `A string of ${sizeBytes} bytes does not fit into Kafka's int16`);
    this.int16(sizeBytes);
    this.text(value, sizeBytes);
  }

  nullableString(value: string | null): void {
    if (value === null) this.int16(-1);
    else this.string(value);
  }

  compactString(value: string): void {
    const sizeBytes = utf8Bytes(value);
    this.unsignedVarint(sizeBytes + 1);
    this.text(value, sizeBytes);
  }

  compactNullableString(value: string | null): void {
    if (value === null) this.uint8(0);
    else this.compactString(value);
  }

  data(value: Uint8Array | readonly Uint8Array[]): void {
    this.int32(lengthOf(value));
    this.#append(value);
  }

  nullableData(value: Uint8Array | readonly Uint8Array[] | null): void {
    if (value === null) this.int32(-1);
    else this.data(value);
  }

  compactData(value: Uint8Array | readonly Uint8Array[]): void {
    this.unsignedVarint(lengthOf(value) + 1);
    this.#append(value);
  }

  compactNullableData(value: Uint8Array | readonly Uint8Array[] | null): void {
    if (value === null) this.uint8(0);
    else this.compactData(value);
  }

  count(value: number): void {
    this.int32(value);
  }

  compactCount(value: number): void {
    this.unsignedVarint(value + 1);
  }

  /** The value of a tagged field, its size before it. Such values are small: they are copied. */
  taggedField(tag: number, write: (writer: SchemaWriter) => void): void {
    const inner = new SchemaWriter(64);
    write(inner);
    this.unsignedVarint(tag);
    this.unsignedVarint(inner.sizeBytes);
    for (const slice of inner.finish()) this.bytes(slice);
  }

  /** A value that the version cannot carry and that may not be dropped: our bug. */
  refuse(name: string): never {
    assert(false, `The field ${name} is not the default, and this version does not have it`);
  }

  /** Everything that was written, in order. The writer is not used any more. */
  finish(): Uint8Array[] {
    const written = this.written;
    if (this.#slices.length === 0) return [written];
    const all: Uint8Array[] = [];
    let from = 0;
    for (const [index, slice] of this.#slices.entries()) {
      const at = this.#sliceAt[index]!;
      if (at > from) all.push(written.subarray(from, at));
      all.push(slice);
      from = at;
    }
    if (from < written.length) all.push(written.subarray(from));
    return all;
  }

  #append(value: Uint8Array | readonly Uint8Array[]): void {
    if (value instanceof Uint8Array) this.#appendOne(value);
    else for (const part of value) this.#appendOne(part);
  }

  #appendOne(value: Uint8Array): void {
    if (value.length < SLICE_BYTES_MIN) {
      this.bytes(value);
      return;
    }
    this.#slices.push(value);
    this.#sliceAt.push(this.at);
    this.#sliceBytes += value.length;
  }
}

function lengthOf(value: Uint8Array | readonly Uint8Array[]): number {
  if (value instanceof Uint8Array) return value.length;
  let length = 0;
  for (const part of value) length += part.length;
  return length;
}
