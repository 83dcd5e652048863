import { UUID_NONE } from "./schema_reader.ts";
import type { Field, Fields, ScalarType } from "./field.ts";
import { hasVersion } from "./versions.ts";

/** One for all: it is frozen, and most messages have some empty list. */
export const EMPTY_LIST: readonly never[] = Object.freeze([]);
export const EMPTY_BYTES = new Uint8Array(0);

const ZEROES: Readonly<Record<ScalarType, unknown>> = {
  bool: false,
  int8: 0,
  int16: 0,
  uint16: 0,
  int32: 0,
  uint32: 0,
  int64: 0,
  float64: 0,
  string: "",
  uuid: UUID_NONE,
  bytes: EMPTY_BYTES,
  records: EMPTY_BYTES,
};

/** What a field has where nothing was said. */
export function defaultOf(field: Field): unknown {
  const { options, element, isArray } = field;
  if (options.default !== undefined) return options.default;
  if (isArray) return EMPTY_LIST;
  return typeof element === "string" ? ZEROES[element] : defaultsOf(element);
}

function defaultsOf(fields: Fields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, defaultOf(field)]));
}

/** Whether a value says nothing more than the field's default. */
export function isDefault(field: Field, value: unknown): boolean {
  const expected = defaultOf(field);
  if (value === undefined || value === expected) return true;
  if (value === null || expected === null) return false;
  if (field.isArray || value instanceof Uint8Array) return (value as { readonly length: number }).length === 0;
  if (typeof field.element === "string") return false;
  const members = value as Record<string, unknown>;
  return Object.entries(field.element).every(([name, member]) => isDefault(member, members[name]));
}

/** Bytes that a value of this field takes at least in this version: what a count is held against. */
export function sizeBytesMin(field: Field, version: number, isFlexible: boolean): number {
  const compact = isFlexible && field.options.flexible !== "none";
  if (field.isArray) return compact ? 1 : 4;
  if (typeof field.element !== "string") {
    return hasVersion(field.options.nullable, version) ? 1 : structBytesMin(field.element, version, isFlexible);
  }
  return scalarBytesMin(field.element, compact);
}

export function structBytesMin(fields: Fields, version: number, isFlexible: boolean): number {
  let bytes = isFlexible ? 1 : 0;
  for (const field of Object.values(fields)) {
    if (!hasVersion(field.versions, version) || field.options.tag !== undefined) continue;
    bytes += sizeBytesMin(field, version, isFlexible);
  }
  return bytes;
}

export function scalarBytesMin(type: ScalarType, isCompact: boolean): number {
  switch (type) {
    case "bool":
    case "int8":
      return 1;
    case "int16":
    case "uint16":
      return 2;
    case "int32":
    case "uint32":
      return 4;
    case "int64":
    case "float64":
      return 8;
    case "uuid":
      return 16;
    case "string":
      return isCompact ? 1 : 2;
    case "bytes":
    case "records":
      return isCompact ? 1 : 4;
  }
}
