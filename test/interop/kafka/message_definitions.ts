/**
 * Kafka's own message definitions (`common/message/*.json` of its client library) and a codec that interprets them. It
 * shares nothing with the broker's codec, so that a mistake in one is not repeated in the other. For tests: slow, and
 * trusting about sizes.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface FieldDefinition {
  readonly name: string;
  readonly type: string;
  readonly versions?: string;
  readonly nullableVersions?: string;
  readonly taggedVersions?: string;
  readonly flexibleVersions?: string;
  readonly tag?: number;
  readonly default?: unknown;
  readonly fields?: readonly FieldDefinition[];
}

export interface MessageDefinition {
  readonly apiKey: number;
  readonly name: string;
  readonly validVersions: string;
  readonly flexibleVersions: string;
  readonly fields: readonly FieldDefinition[];
  readonly commonStructs?: readonly FieldDefinition[];
}

/** A message as JSON shows it: numbers (as text beyond 2^53), uuids in base64url, bytes in hex. */
export type Message = Readonly<Record<string, unknown>>;

/** The definitions of one API. */
export interface ApiDefinition {
  readonly request: MessageDefinition;
  readonly response: MessageDefinition;
}

/** Every API's definitions by its key, unpacked from the client library's jar in `libraries` into `cache`. */
export function loadApiDefinitions(libraries: string, cache: string): Map<number, ApiDefinition> {
  const folder = join(cache, "messages");
  if (!existsSync(folder)) {
    const jar = readdirSync(libraries).find((name) => /^kafka-clients-[\d.]+\.jar$/.test(name));
    if (jar === undefined) throw new Error(`no kafka-clients jar in ${libraries}`);
    mkdirSync(folder, { recursive: true });
    const run = spawnSync("unzip", ["-q", "-j", join(libraries, jar), "common/message/*.json", "-d", folder], {
      encoding: "utf8",
    });
    if (run.status !== 0) throw new Error(`unzip: ${run.error?.message ?? run.stderr}`);
  }
  const requests = new Map<number, MessageDefinition>();
  const responses = new Map<number, MessageDefinition>();
  for (const file of readdirSync(folder).filter((name) => /(?:Request|Response)\.json$/.test(name))) {
    const text = readFileSync(join(folder, file), "utf8").replace(/^\s*\/\/.*$/gm, "");
    const definition = JSON.parse(text) as MessageDefinition & { readonly type: string };
    if (definition.type === "request") requests.set(definition.apiKey, definition);
    else if (definition.type === "response") responses.set(definition.apiKey, definition);
  }
  return new Map(
    [...requests].flatMap(([key, request]) => {
      const response = responses.get(key);
      return response === undefined ? [] : [[key, { request, response }] as const];
    }),
  );
}

/** Whether a version lies in `3+`, `0-5`, `4` or `none`. */
export function isInVersions(versions: string | undefined, version: number): boolean {
  if (versions === undefined || versions === "none") return false;
  const match = /^(\d+)(?:(\+)|-(\d+))?$/.exec(versions);
  if (match === null) throw new Error(`versions ${versions}`);
  const first = Number(match[1]);
  const last = match[2] === "+" ? Infinity : Number(match[3] ?? match[1]);
  return version >= first && version <= last;
}

/** First and last of a definition's versions. */
export function versionRange(definition: MessageDefinition): [number, number] {
  const [first, last = first] = definition.validVersions.split("-").map(Number);
  return [first!, last!];
}

export function isFlexible(definition: MessageDefinition, version: number): boolean {
  return isInVersions(definition.flexibleVersions, version);
}

/** The message's bytes at a version. Fields that are left out take their defaults; those the version lacks are left out. */
export function encodeMessage(definition: MessageDefinition, version: number, message: Message): Uint8Array {
  const out = new Out();
  new Codec(definition, version).write(out, definition.fields, message);
  return out.bytes();
}

/** Fails when the bytes are not exactly one message of this version. */
export function decodeMessage(definition: MessageDefinition, version: number, bytes: Uint8Array): Message {
  const input = new Input(bytes);
  const message = new Codec(definition, version).read(input, definition.fields);
  if (input.at !== bytes.length) throw new Error(`${bytes.length - input.at} bytes follow the ${definition.name}`);
  return message;
}

class Codec {
  readonly #structs: ReadonlyMap<string, readonly FieldDefinition[]>;
  readonly #version: number;
  readonly #flexible: boolean;

  constructor(definition: MessageDefinition, version: number) {
    this.#version = version;
    this.#flexible = isFlexible(definition, version);
    this.#structs = new Map((definition.commonStructs ?? []).map((struct) => [struct.name, struct.fields ?? []]));
  }

  write(out: Out, fields: readonly FieldDefinition[], message: Message): void {
    for (const name of Object.keys(message)) {
      if (!fields.some((field) => field.name === name)) throw new Error(`there is no field ${name}`);
    }
    const valueOf = (field: FieldDefinition): unknown =>
      Object.hasOwn(message, field.name) ? message[field.name] : this.#defaultOf(field);
    for (const field of this.#plain(fields)) this.#writeValue(out, field, field.type, valueOf(field));
    if (!this.#flexible) return;
    const tagged = this.#tagged(fields).filter((field) => Object.hasOwn(message, field.name));
    out.uvarint(tagged.length);
    for (const field of tagged) {
      const part = new Out();
      this.#writeValue(part, field, field.type, valueOf(field));
      out.uvarint(field.tag!);
      out.uvarint(part.bytes().length);
      out.raw(part.bytes());
    }
  }

  read(input: Input, fields: readonly FieldDefinition[]): Message {
    const message: Record<string, unknown> = {};
    for (const field of this.#plain(fields)) message[field.name] = this.#readValue(input, field, field.type);
    if (!this.#flexible) return message;
    const count = input.uvarint();
    for (let tagged = 0; tagged < count; tagged += 1) {
      const tag = input.uvarint();
      const size = input.uvarint();
      const end = input.at + size;
      const field = this.#tagged(fields).find((candidate) => candidate.tag === tag);
      if (field === undefined) message[`tag ${tag}`] = hex(input.take(size));
      else message[field.name] = this.#readValue(input, field, field.type);
      if (input.at !== end) throw new Error(`the tagged field ${tag} does not have its size`);
    }
    return message;
  }

  #plain(fields: readonly FieldDefinition[]): FieldDefinition[] {
    return fields.filter((field) =>
      isInVersions(field.versions, this.#version) && !isInVersions(field.taggedVersions, this.#version)
    );
  }

  #tagged(fields: readonly FieldDefinition[]): FieldDefinition[] {
    return fields.filter((field) => isInVersions(field.taggedVersions, this.#version))
      .sort((left, right) => left.tag! - right.tag!);
  }

  #defaultOf(field: FieldDefinition): unknown {
    const { type } = field;
    if (field.default === "null") return null;
    if (field.default !== undefined) return type === "bool" ? String(field.default) === "true" : field.default;
    if (type.startsWith("[]")) return [];
    if (type === "string") return "";
    if (type === "bool") return false;
    if (type === "uuid") return "AAAAAAAAAAAAAAAAAAAAAA";
    if (type === "bytes" || type === "records") return "";
    return /^[A-Z]/.test(type) ? {} : 0;
  }

  #isCompact(field: FieldDefinition): boolean {
    return this.#flexible && field.flexibleVersions !== "none";
  }

  #writeValue(out: Out, field: FieldDefinition, type: string, value: unknown): void {
    if (type.startsWith("[]")) {
      const items = value as readonly unknown[] | null;
      out.length(items === null ? -1 : items.length, this.#isCompact(field), 4);
      for (const item of items ?? []) this.#writeValue(out, field, type.slice(2), item);
      return;
    }
    switch (type) {
      case "bool":
        return out.int(value === true ? 1 : 0, 1);
      case "int8":
      case "int16":
      case "uint16":
      case "int32":
      case "uint32":
      case "int64":
        return out.int(value as number, INT_BYTES[type]);
      case "float64":
        return out.float(value as number);
      case "uuid":
        return out.raw(Buffer.from(value as string, "base64url"));
      case "string": {
        const text = value === null ? null : Buffer.from(value as string, "utf8");
        out.length(text === null ? -1 : text.length, this.#isCompact(field), 2);
        return out.raw(text ?? new Uint8Array());
      }
      case "bytes":
      case "records": {
        const bytes = value === null ? null : Buffer.from(value as string, "hex");
        out.length(bytes === null ? -1 : bytes.length, this.#isCompact(field), 4);
        return out.raw(bytes ?? new Uint8Array());
      }
      default:
        if (isInVersions(field.nullableVersions, this.#version) && !field.type.startsWith("[]")) {
          out.int(value === null ? -1 : 1, 1);
          if (value === null) return;
        }
        this.write(out, field.fields ?? this.#structs.get(type)!, value as Message);
    }
  }

  #readValue(input: Input, field: FieldDefinition, type: string): unknown {
    if (type.startsWith("[]")) {
      const count = input.length(this.#isCompact(field), 4);
      if (count < 0) return null;
      return Array.from({ length: count }, () => this.#readValue(input, field, type.slice(2)));
    }
    switch (type) {
      case "bool":
        return input.int(1) !== 0;
      case "uint16":
        return Number(input.int(2)) & 0xffff;
      case "uint32":
        return Number(input.int(4)) >>> 0;
      case "int8":
      case "int16":
      case "int32":
      case "int64":
        return input.int(INT_BYTES[type]);
      case "float64":
        return input.float();
      case "uuid":
        return Buffer.from(input.take(16)).toString("base64url");
      case "string": {
        const size = input.length(this.#isCompact(field), 2);
        return size < 0 ? null : Buffer.from(input.take(size)).toString("utf8");
      }
      case "bytes":
      case "records": {
        const size = input.length(this.#isCompact(field), 4);
        return size < 0 ? null : hex(input.take(size));
      }
      default:
        if (isInVersions(field.nullableVersions, this.#version) && !field.type.startsWith("[]")) {
          if (Number(input.int(1)) < 0) return null;
        }
        return this.read(input, field.fields ?? this.#structs.get(type)!);
    }
  }
}

const INT_BYTES = { int8: 1, int16: 2, uint16: 2, int32: 4, uint32: 4, int64: 8 } as const;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

class Out {
  readonly #parts: Uint8Array[] = [];

  raw(bytes: Uint8Array): void {
    this.#parts.push(bytes);
  }

  int(value: number | string, size: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64BE(BigInt.asIntN(64, BigInt(value)));
    this.raw(bytes.subarray(8 - size));
  }

  float(value: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value);
    this.raw(bytes);
  }

  uvarint(value: number): void {
    const bytes: number[] = [];
    let left = value;
    for (; left >= 0x80; left = Math.floor(left / 128)) bytes.push((left % 128) | 0x80);
    bytes.push(left);
    this.raw(Uint8Array.from(bytes));
  }

  length(size: number, compact: boolean, plainBytes: number): void {
    if (compact) this.uvarint(size + 1);
    else this.int(size, plainBytes);
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#parts);
  }
}

class Input {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  take(size: number): Uint8Array {
    if (size < 0 || this.at + size > this.#bytes.length) throw new Error(`${size} bytes are asked for at ${this.at}`);
    this.at += size;
    return this.#bytes.subarray(this.at - size, this.at);
  }

  int(size: number): number | string {
    const bytes = Buffer.from(this.take(size));
    if (size < 8) return bytes.readIntBE(0, size);
    const value = bytes.readBigInt64BE();
    return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  }

  float(): number {
    return Buffer.from(this.take(8)).readDoubleBE();
  }

  uvarint(): number {
    let value = 0;
    for (let factor = 1;; factor *= 128) {
      const byte = this.take(1)[0]!;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  length(compact: boolean, plainBytes: number): number {
    return compact ? this.uvarint() - 1 : Number(this.int(plainBytes));
  }
}
