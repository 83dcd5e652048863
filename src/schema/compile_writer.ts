import { defaultOf, isDefault } from "./defaults.ts";
import type { ElementType, Field, Fields } from "./field.ts";
import { methodName, wireFormOf } from "./method_name.ts";
import type { SchemaWriter } from "./schema_writer.ts";
import { hasVersion } from "./versions.ts";

export type WriteFunction = (writer: SchemaWriter, value: unknown) => void;

/** Turns a declaration into the function that writes one version of it; made like `compileReader`'s. */
export function compileWriter(fields: Fields, version: number, isFlexible: boolean): WriteFunction {
  const source = new WriterSource(version, isFlexible);
  const root = source.structFunction(fields);
  const make = new Function("constants", "fields", "isDefault", `"use strict";\n${source.text}return ${root};`);
  return make(source.constants, source.fields, isDefault) as WriteFunction;
}

class WriterSource {
  text = "";
  /** Default values and fields that the text refers to by their index. */
  readonly constants: unknown[] = [];
  readonly fields: Field[] = [];
  readonly #version: number;
  readonly #isFlexible: boolean;
  #functionCount = 0;

  constructor(version: number, isFlexible: boolean) {
    this.#version = version;
    this.#isFlexible = isFlexible;
  }

  /** Adds the function that writes a struct, and returns its name. */
  structFunction(fields: Fields): string {
    const lines: string[] = [];
    const tagged: { readonly tag: number; readonly name: string; readonly field: Field }[] = [];
    for (const [name, field] of Object.entries(fields)) {
      const value = `v[${JSON.stringify(name)}]`;
      if (!hasVersion(field.versions, this.#version)) {
        if (field.options.ignorable !== true) {
          lines.push(`if (!${this.#isDefault(field, value)}) w.refuse(${JSON.stringify(name)});`);
        }
      } else if (field.options.tag !== undefined) {
        tagged.push({ tag: field.options.tag, name, field });
      } else {
        lines.push(`let ${local(name)} = ${value};`);
        lines.push(`if (${local(name)} === undefined) ${local(name)} = ${this.#defaultExpression(field)};`);
        lines.push(this.#writeStatement(field, local(name)));
      }
    }
    if (this.#isFlexible) lines.push(...this.#taggedSection(tagged));
    return this.#addFunction("struct", lines);
  }

  #taggedSection(tagged: { readonly tag: number; readonly name: string; readonly field: Field }[]): string[] {
    if (tagged.length === 0) return ["w.uint8(0);"];
    tagged.sort((left, right) => left.tag - right.tag);
    const lines = ["let tagCount = 0;"];
    for (const { tag, name, field } of tagged) {
      const value = `v[${JSON.stringify(name)}]`;
      lines.push(`const has${tag} = !${this.#isDefault(field, value)};`, `if (has${tag}) tagCount++;`);
    }
    lines.push("w.unsignedVarint(tagCount);");
    for (const { tag, name, field } of tagged) {
      const write = this.#addFunction("tagged", [this.#writeStatement(field, "v")]);
      lines.push(`if (has${tag}) w.taggedField(${tag}, (inner) => ${write}(inner, v[${JSON.stringify(name)}]));`);
    }
    return lines;
  }

  #writeStatement(field: Field, value: string): string {
    const form = wireFormOf(field, this.#version, this.#isFlexible);
    if (field.isArray) {
      const items = `${this.#arrayFunction(field.element, form.isCompact)}(w, ${value});`;
      if (!form.isNullable) return items;
      return `if (${value} === null) ${form.isCompact ? "w.uint8(0)" : "w.int32(-1)"}; else ${items}`;
    }
    if (typeof field.element === "string") return `w.${methodName(field.element, form)}(${value});`;
    const write = `${this.structFunction(field.element)}(w, ${value});`;
    if (!form.isNullable) return write;
    return `if (${value} === null) w.int8(-1); else { w.int8(1); ${write} }`;
  }

  #arrayFunction(element: ElementType, isCompact: boolean): string {
    const item = typeof element === "string"
      ? `w.${methodName(element, { isCompact: this.#isFlexible, isNullable: false })}(v[i]);`
      : `${this.structFunction(element)}(w, v[i]);`;
    return this.#addFunction("array", [
      `w.${isCompact ? "compactCount" : "count"}(v.length);`,
      `for (let i = 0; i < v.length; i++) ${item}`,
    ]);
  }

  /** An expression: whether a value is the field's default. Most defaults are compared where they stand. */
  #isDefault(field: Field, value: string): string {
    const expected = defaultOf(field);
    if (expected === null || typeof expected !== "object") {
      return `(${value} === undefined || ${value} === ${JSON.stringify(expected)})`;
    }
    return `isDefault(fields[${this.fields.push(field) - 1}], ${value})`;
  }

  #defaultExpression(field: Field): string {
    const value = defaultOf(field);
    if (value === null || typeof value !== "object") return JSON.stringify(value);
    return `constants[${this.constants.push(value) - 1}]`;
  }

  #addFunction(what: string, lines: readonly string[]): string {
    const name = `${what}${this.#functionCount++}`;
    this.text += `function ${name}(w, v) {\n  ${lines.join("\n  ")}\n}\n`;
    return name;
  }
}

/** A variable that no word of the language is. */
function local(name: string): string {
  return `_${name}`;
}
