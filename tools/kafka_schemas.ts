/**
 * Holds our declarations of Kafka's messages against Kafka's own definitions (`common/message/*.json`), both brought to
 * the same lines: one for each field, with its type, versions, nullability, default and tag.
 *
 *   bun tools/kafka_schemas.ts FOLDER     writes the digests of what the definitions in the folder say for our schemas,
 *                                         and prints where ours say something else
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { KAFKA_APIS } from "../src/protocols/kafka/wire/apis.ts";
import { requestHeader, responseHeader } from "../src/protocols/kafka/wire/messages/headers.ts";
import { defaultOf } from "../src/schema/defaults.ts";
import type { Field, Fields } from "../src/schema/field.ts";
import { consumerProtocolAssignment, consumerProtocolSubscription } from "../src/schema/internal/consumer_protocol.ts";
import { groupMetadataKey, groupMetadataValue } from "../src/schema/internal/group_metadata.ts";
import { offsetCommitKey, offsetCommitValue } from "../src/schema/internal/offset_commit.ts";
import { producerSnapshot } from "../src/schema/internal/producer_snapshot.ts";
import type { AnySchema } from "../src/schema/message_schema.ts";
import { parseVersions, type VersionRange } from "../src/schema/versions.ts";

const DIGESTS = new URL("../test/protocols/kafka/schema_digests.json", import.meta.url);

/** Every schema that Kafka defines, too. */
export const DECLARED_SCHEMAS: readonly AnySchema[] = [
  ...KAFKA_APIS.flatMap(({ request, response }) => [request, response]),
  requestHeader,
  responseHeader,
  consumerProtocolSubscription,
  consumerProtocolAssignment,
  offsetCommitKey,
  offsetCommitValue,
  groupMetadataKey,
  groupMetadataValue,
  producerSnapshot,
];

/** A field as Kafka's JSON has it. */
interface DefinedField {
  readonly name: string;
  readonly type: string;
  readonly versions: string;
  readonly nullableVersions?: string;
  readonly taggedVersions?: string;
  readonly tag?: number;
  readonly default?: unknown;
  readonly ignorable?: boolean;
  readonly flexibleVersions?: string;
  readonly fields?: readonly DefinedField[];
}

export interface Definition {
  readonly name: string;
  readonly validVersions: string;
  readonly flexibleVersions: string;
  readonly fields: readonly DefinedField[];
  readonly commonStructs?: readonly { readonly name: string; readonly fields: readonly DefinedField[] }[];
}

interface FieldLine {
  readonly path: string;
  readonly type: string;
  readonly versions: string;
  readonly nullable: string | undefined;
  readonly tagged: string | undefined;
  readonly tag: number | undefined;
  readonly default: unknown;
  readonly ignorable: boolean;
  readonly flexible: string | undefined;
}

/** One of Kafka's files: JSON with comments. */
export function parseDefinition(text: string): Definition {
  return JSON.parse(text.replaceAll(/\/\/.*/g, "")) as Definition;
}

/** What Kafka's definition says. */
export function describeDefinition(definition: Definition): string[] {
  const valid = parseVersions(definition.validVersions);
  if (valid === null) return [];
  const lines = [headLine(valid, definition.flexibleVersions)];
  const walk = (fields: readonly DefinedField[], prefix: string): void => {
    for (const field of fields) {
      const isArray = field.type.startsWith("[]");
      const element = isArray ? field.type.slice(2) : field.type;
      const members = field.fields ?? definition.commonStructs?.find(({ name }) => name === element)?.fields;
      const path = `${prefix}${field.name.charAt(0).toLowerCase()}${field.name.slice(1)}`;
      lines.push(fieldLine({
        path,
        type: `${isArray ? "[]" : ""}${members === undefined ? element : "struct"}`,
        versions: field.versions,
        nullable: field.nullableVersions,
        tagged: field.taggedVersions,
        tag: field.tag,
        default: definedDefault(field, element, isArray, members !== undefined),
        ignorable: field.ignorable === true,
        flexible: field.flexibleVersions,
      }, valid));
      if (members !== undefined) walk(members, `${path}.`);
    }
  };
  walk(definition.fields, "");
  return lines;
}

/** What our declaration says. */
export function describeSchema(schema: AnySchema): string[] {
  const lines = [headLine(schema.versions, schema.declared.flexible)];
  const walk = (fields: Fields, prefix: string): void => {
    for (const [name, field] of Object.entries(fields)) {
      const { options, element, isArray } = field;
      const members = typeof element === "string" ? null : element;
      const path = `${prefix}${name}`;
      lines.push(fieldLine({
        path,
        type: `${isArray ? "[]" : ""}${members === null ? element : "struct"}`,
        versions: field.versions,
        nullable: options.nullable,
        tagged: options.tag === undefined ? undefined : field.versions,
        tag: options.tag,
        default: declaredDefault(field),
        ignorable: options.ignorable === true,
        flexible: options.flexible,
      }, schema.versions));
      if (members !== null) walk(members, `${path}.`);
    }
  };
  walk(schema.fields, "");
  return lines;
}

export function digestOf(lines: readonly string[]): string {
  return createHash("sha256").update(lines.join("\n")).digest("hex");
}

/** Lines that only one side has: `-` is Kafka's, `+` ours. */
export function differences(theirs: readonly string[], ours: readonly string[]): string[] {
  return [
    ...theirs.filter((line) => !ours.includes(line)).map((line) => `- ${line}`),
    ...ours.filter((line) => !theirs.includes(line)).map((line) => `+ ${line}`),
  ];
}

function headLine(valid: VersionRange, flexible: string): string {
  return `versions ${valid.min}-${valid.max}, flexible ${cut(flexible, valid)}`;
}

function fieldLine(field: FieldLine, valid: VersionRange): string {
  const parts = [field.path, field.type, cut(field.versions, valid)];
  if (field.nullable !== undefined) parts.push(`nullable ${cut(field.nullable, valid)}`);
  if (field.tag !== undefined) parts.push(`tag ${field.tag} ${cut(field.tagged ?? "none", valid)}`);
  parts.push(`default ${String(field.default)}`);
  if (field.ignorable) parts.push("ignorable");
  if (field.flexible !== undefined) parts.push(`flexible ${field.flexible}`);
  return parts.join(" ");
}

/** A range cut to the versions that there are: `0+` and `4-18` may mean the same. */
function cut(text: string, valid: VersionRange): string {
  const range = parseVersions(text);
  if (range === null) return "none";
  const min = Math.max(range.min, valid.min);
  const max = Math.min(range.max, valid.max);
  return min > max ? "none" : `${min}-${max}`;
}

function definedDefault(field: DefinedField, element: string, isArray: boolean, isStruct: boolean): unknown {
  const given = field.default;
  if (given === null || given === "null") return null;
  if (isArray) return "[]";
  if (isStruct) return "{}";
  if (element === "string" || element === "bytes" || element === "records") return JSON.stringify(given ?? "");
  if (element === "bool") return String(given ?? false) === "true";
  if (element === "uuid") return "none";
  return Number(given ?? 0);
}

function declaredDefault(field: Field): unknown {
  if (defaultOf(field) === null) return null;
  if (field.isArray) return "[]";
  if (typeof field.element !== "string") return "{}";
  if (field.element === "bytes" || field.element === "records") return '""';
  if (field.element === "uuid") return "none";
  return field.element === "string" ? JSON.stringify(defaultOf(field)) : defaultOf(field);
}

function main(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".json"));
  const defined = new Map<string, Definition>();
  for (const file of files) {
    const definition = parseDefinition(readFileSync(join(folder, file), "utf8"));
    defined.set(definition.name, definition);
  }
  const digests: Record<string, string> = {};
  let wrong = 0;
  for (const schema of DECLARED_SCHEMAS) {
    const definition = defined.get(schema.name);
    const theirs = definition === undefined ? [] : describeDefinition(definition);
    const faults = differences(theirs, describeSchema(schema));
    for (const fault of faults) console.log(`${schema.name}: ${fault}`);
    wrong += faults.length;
    digests[schema.name] = digestOf(theirs);
  }
  writeFileSync(DIGESTS, JSON.stringify(digests, null, 2) + "\n");
  console.log(`${Object.keys(digests).length} schemas, ${wrong} differences`);
  return wrong === 0 ? 0 : 1;
}

if (import.meta.main) process.exit(main(process.argv[2] ?? "."));
