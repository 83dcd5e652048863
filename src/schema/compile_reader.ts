import { defaultOf, EMPTY_LIST, scalarBytesMin, structBytesMin } from "./defaults.ts";
import type { ElementType, Field, Fields } from "./field.ts";
import { methodName, wireFormOf } from "./method_name.ts";
import type { SchemaReader } from "./schema_reader.ts";
import { hasVersion } from "./versions.ts";

export type ReadFunction = (reader: SchemaReader) => unknown;

/**
 * Turns a declaration into the function that reads one version of it. The function is made from source text, so that it
 * is what a person would write by hand, object literals with constant names and all: closures over field names cost
 * three times as much. The text holds nothing but what the declarations say.
 */
export function compileReader(fields: Fields, version: number, isFlexible: boolean): ReadFunction {
  const source = new ReaderSource(version, isFlexible);
  const root = source.structFunction(fields);
  const make = new Function("constants", "EMPTY_LIST", `"use strict";\n${source.text}return ${root};`);
  return make(source.constants, EMPTY_LIST) as ReadFunction;
}

class ReaderSource {
  text = "";
  /** Values that the text refers to by their index. */
  readonly constants: unknown[] = [];
  readonly #version: number;
  readonly #isFlexible: boolean;
  #functionCount = 0;

  constructor(version: number, isFlexible: boolean) {
    this.#version = version;
    this.#isFlexible = isFlexible;
  }

  /** Adds the function that reads a struct, and returns its name. */
  structFunction(fields: Fields): string {
    const lines: string[] = [];
    const members: string[] = [];
    const tagged: string[] = [];
    let index = 0;
    for (const [name, field] of Object.entries(fields)) {
      const local = `f${index++}`;
      members.push(`${JSON.stringify(name)}: ${local}`);
      if (!hasVersion(field.versions, this.#version)) {
        lines.push(`const ${local} = ${this.#defaultExpression(field)};`);
      } else if (field.options.tag === undefined) {
        lines.push(`const ${local} = ${this.#readExpression(field)};`);
      } else {
        lines.push(`let ${local} = ${this.#defaultExpression(field)};`);
        tagged.push(`case ${field.options.tag}: ${local} = ${this.#readExpression(field)}; r.checkTagEnd(end); break;`);
      }
    }
    if (this.#isFlexible) lines.push(...taggedSection(tagged));
    return this.#addFunction("struct", [...lines, `return { ${members.join(", ")} };`]);
  }

  #readExpression(field: Field): string {
    const form = wireFormOf(field, this.#version, this.#isFlexible);
    if (field.isArray) return `${this.#arrayFunction(field, form.isCompact, form.isNullable)}(r)`;
    if (typeof field.element === "string") return `r.${methodName(field.element, form)}()`;
    const read = `${this.structFunction(field.element)}(r)`;
    return form.isNullable ? `(r.isPresent() ? ${read} : null)` : read;
  }

  #arrayFunction(field: Field, isCompact: boolean, isNullable: boolean): string {
    const { element } = field;
    const count = isCompact
      ? (isNullable ? "compactNullableCount" : "compactCount")
      : isNullable
      ? "nullableCount"
      : "count";
    return this.#addFunction("array", [
      `const n = r.${count}(${this.#elementBytesMin(element)});`,
      ...(isNullable ? ["if (n < 0) return null;"] : []),
      "if (n === 0) return EMPTY_LIST;",
      "const items = [];",
      // After a fault every read gives nothing: the count must not go on making items of that.
      `for (let i = 0; i < n && r.fault === null; i++) items.push(${this.#elementExpression(element)});`,
      "return items;",
    ]);
  }

  #elementExpression(element: ElementType): string {
    if (typeof element !== "string") return `${this.structFunction(element)}(r)`;
    return `r.${methodName(element, { isCompact: this.#isFlexible, isNullable: false })}()`;
  }

  #elementBytesMin(element: ElementType): number {
    return typeof element === "string"
      ? scalarBytesMin(element, this.#isFlexible)
      : Math.max(1, structBytesMin(element, this.#version, this.#isFlexible));
  }

  #defaultExpression(field: Field): string {
    const value = defaultOf(field);
    if (value === null || typeof value === "number" || typeof value === "boolean" || typeof value === "string") {
      return JSON.stringify(value);
    }
    return `constants[${this.constants.push(value) - 1}]`;
  }

  #addFunction(what: string, lines: readonly string[]): string {
    const name = `${what}${this.#functionCount++}`;
    this.text += `function ${name}(r) {\n  ${lines.join("\n  ")}\n}\n`;
    return name;
  }
}

/** Reads the tagged fields that end a struct of a flexible version. */
function taggedSection(cases: readonly string[]): string[] {
  if (cases.length === 0) return ["r.skipTaggedFields();"];
  return [
    "const tagCount = r.unsignedVarint();",
    "if (tagCount !== 0) {",
    "  let tag = -1;",
    "  for (let left = r.checkCount(tagCount, 2); left > 0 && r.fault === null; left--) {",
    "    tag = r.nextTag(tag);",
    "    const size = r.checkCount(r.unsignedVarint(), 1);",
    "    const end = r.at + size;",
    "    switch (tag) {",
    ...cases.map((text) => `      ${text}`),
    "      default: r.skip(size);",
    "    }",
    "  }",
    "}",
  ];
}
