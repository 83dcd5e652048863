/** Values for any schema, from a seed: what a version carries is random, what it lacks is the default. */
import { defaultOf, isDefault } from "../../src/schema/defaults.ts";
import type { ElementType, Field, Fields, ScalarType } from "../../src/schema/field.ts";
import { hasVersion } from "../../src/schema/versions.ts";
import { formatUuid } from "../../src/base/ids.ts";
import type { SeededRandom } from "../seeded_random.ts";

const STRINGS = ["", "a", "orders", "grün", "\u{1f600}", "x".repeat(130), "__proto__", "\0"];

export interface RandomValueOptions {
  readonly version: number;
  /** Values that mean something to the reader, by the field's type and name; undefined: any. */
  readonly suggest?: (type: ScalarType, name: string) => unknown;
}

export function randomStruct(
  random: SeededRandom,
  fields: Fields,
  options: RandomValueOptions,
  depth = 0,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => {
      if (!hasVersion(field.versions, options.version)) return [name, defaultOf(field)];
      const value = randomField(random, name, field, options, depth);
      // A tagged field that says no more than the default is not written.
      return [name, field.options.tag !== undefined && isDefault(field, value) ? defaultOf(field) : value];
    }),
  );
}

function randomField(
  random: SeededRandom,
  name: string,
  field: Field,
  options: RandomValueOptions,
  depth: number,
): unknown {
  if (hasVersion(field.options.nullable, options.version) && random.below(4) === 0) return null;
  if (!field.isArray) return randomElement(random, name, field.element, options, depth);
  const length = random.below(depth > 2 ? 2 : 4);
  return Array.from({ length }, () => randomElement(random, name, field.element, options, depth + 1));
}

function randomElement(
  random: SeededRandom,
  name: string,
  element: ElementType,
  options: RandomValueOptions,
  depth: number,
): unknown {
  if (typeof element !== "string") return randomStruct(random, element, options, depth + 1);
  return options.suggest?.(element, name) ?? randomScalar(random, element);
}

function randomScalar(random: SeededRandom, type: ScalarType): unknown {
  switch (type) {
    case "bool":
      return random.below(2) === 1;
    case "int8":
      return random.below(256) - 128;
    case "int16":
      return random.below(65_536) - 32_768;
    case "uint16":
      return random.below(65_536);
    case "int32":
      return random.uint32() | 0;
    case "uint32":
      return random.uint32();
    case "int64":
      return random.pick([0, -1, 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, random.uint32() * 1_000]);
    case "float64":
      return random.pick([0, 1.5, -1e300]);
    case "string":
      return random.pick(STRINGS);
    case "uuid":
      return formatUuid(random.bytes(16));
    case "bytes":
    case "records":
      return random.bytes(random.pick([0, 1, 20, 600]));
  }
}
