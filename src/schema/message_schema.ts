import { assert } from "../base/assert.ts";
import { concatBytes } from "../bytes/concat.ts";
import { compileReader, type ReadFunction } from "./compile_reader.ts";
import { compileWriter, type WriteFunction } from "./compile_writer.ts";
import type { Fields, StructInput, StructValue } from "./field.ts";
import { SchemaReader } from "./schema_reader.ts";
import { SchemaWriter } from "./schema_writer.ts";
import { hasVersion, parseVersions, type VersionRange } from "./versions.ts";

/** Why bytes are not what the schema says. */
export interface SchemaFault {
  readonly fault: string;
}

export function isSchemaFault(read: object): read is SchemaFault {
  return "fault" in read;
}

export interface SchemaVersions {
  /** As Kafka writes them: `4-18`. */
  readonly versions: string;
  /** Versions with compact lengths and tagged fields: `12+` or `none`. */
  readonly flexible: string;
}

/**
 * A message, or the key or value of a record in an internal topic, in all its versions. The functions for a version are
 * made when it is first used.
 */
export class MessageSchema<const F extends Fields = Fields> implements AnySchema {
  readonly name: string;
  readonly fields: F;
  readonly versions: VersionRange;
  readonly declared: SchemaVersions;
  readonly #readers: (ReadFunction | undefined)[] = [];
  readonly #writers: (WriteFunction | undefined)[] = [];

  constructor(name: string, declared: SchemaVersions, fields: F) {
    const versions = parseVersions(declared.versions);
    assert(versions !== null, `${name} has no version`);
    this.name = name;
    this.fields = fields;
    this.declared = declared;
    this.versions = versions;
  }

  hasVersion(version: number): boolean {
    return version >= this.versions.min && version <= this.versions.max;
  }

  isFlexible(version: number): boolean {
    return hasVersion(this.declared.flexible, version);
  }

  /** Reads where `reader` stands; a fault is kept there, and the value is then of no use. */
  read(reader: SchemaReader, version: number): StructValue<F> {
    const read = this.#readers[version] ??= this.#compileReader(version);
    return read(reader) as StructValue<F>;
  }

  /** Fields that the version does not have are left out; see `FieldOptions.ignorable`. */
  write(writer: SchemaWriter, value: StructInput<F>, version: number): void {
    const write = this.#writers[version] ??= this.#compileWriter(version);
    write(writer, value);
  }

  /** Reads the whole of `bytes`. What stands behind the value is left alone, as Kafka does. */
  decode(bytes: Uint8Array, version: number): StructValue<F> | SchemaFault {
    const reader = new SchemaReader(bytes);
    const value = this.read(reader, version);
    return reader.fault === null ? value : { fault: `${this.name} v${version}: ${reader.fault}` };
  }

  encode(value: StructInput<F>, version: number): Uint8Array {
    const writer = new SchemaWriter();
    this.write(writer, value, version);
    return concatBytes(writer.finish());
  }

  /** With the int16 version before it: the form of keys and values in internal topics. */
  encodeVersioned(value: StructInput<F>, version: number): Uint8Array {
    const writer = new SchemaWriter();
    writer.int16(version);
    this.write(writer, value, version);
    return concatBytes(writer.finish());
  }

  /** The counterpart of `encodeVersioned`; a version that the schema does not have is a fault. */
  decodeVersioned(bytes: Uint8Array): StructValue<F> | SchemaFault {
    const reader = new SchemaReader(bytes);
    const version = reader.int16();
    if (reader.fault === null && !this.hasVersion(version)) return { fault: `${this.name} has no version ${version}` };
    const value = reader.fault === null ? this.read(reader, version) : null;
    return value === null || reader.fault !== null ? { fault: `${this.name}: ${reader.fault}` } : value;
  }

  #compileReader(version: number): ReadFunction {
    this.#assertVersion(version);
    return compileReader(this.fields, version, this.isFlexible(version));
  }

  #compileWriter(version: number): WriteFunction {
    this.#assertVersion(version);
    return compileWriter(this.fields, version, this.isFlexible(version));
  }

  #assertVersion(version: number): void {
    assert(this.hasVersion(version), () => `${this.name} has no version ${version}`);
  }
}

/** A schema whose fields are not known where it is used. */
export interface AnySchema {
  readonly name: string;
  readonly fields: Fields;
  readonly versions: VersionRange;
  readonly declared: SchemaVersions;
  hasVersion(version: number): boolean;
  isFlexible(version: number): boolean;
  read(reader: SchemaReader, version: number): object;
  /** `value` must be what this schema's own writer takes. */
  write(writer: SchemaWriter, value: never, version: number): void;
}

/** What a reader of this schema gives. */
export type MessageValue<S> = S extends MessageSchema<infer F> ? StructValue<F> : never;
/** What a writer of this schema takes. */
export type MessageInput<S> = S extends MessageSchema<infer F> ? StructInput<F> : never;
