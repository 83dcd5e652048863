/**
 * Answers made comparable, and what differs between two of them. What cannot be the same on two brokers (ids, addresses,
 * folders, sizes) becomes a word; lists whose order means nothing are aligned by what their items are about.
 */
import type { Message } from "./message_definitions.ts";
import { NO_ID } from "./step.ts";

/** One place where two answers differ; absent: there is nothing in that place. */
export interface Difference {
  /** Names and keys of items: `Topics[orders].Configs[flush.ms]`. */
  readonly path: string;
  readonly kafka: string;
  readonly ours: string;
}

export const ABSENT = "absent";

/** Fields that two brokers never share, and what stands for a value that is one. */
const OWN_VALUES: Readonly<Record<string, (value: unknown) => boolean>> = {
  ClusterId: (value) => typeof value === "string" && value.length > 0,
  Host: (value) => typeof value === "string" && value.length > 0,
  Leader: (value) => typeof value === "string" && value.length > 0,
  LogDir: (value) => typeof value === "string" && value.length > 0,
  MemberId: (value) => typeof value === "string" && value.length > 0,
  Port: (value) => typeof value === "number" && value > 0,
  ProducerId: (value) => typeof value === "number" && value >= 0,
  LogAppendTimeMs: (value) => typeof value === "number" && value > 0,
  TopicId: (value) => typeof value === "string" && value !== NO_ID,
  TotalBytes: (value) => typeof value === "number" && value > 0,
  UsableBytes: (value) => typeof value === "number" && value > 0,
};

/** What an item of a list is about, by the fields that it has. */
const KEYS: readonly (readonly string[])[] = [
  ["ResourceType", "ResourceName"],
  ["ApiKey"],
  ["Name"],
  ["Topic"],
  ["TopicName"],
  ["PartitionIndex"],
  ["Partition"],
  ["PartitionId"],
  ["Index"],
  ["TopicId"],
  ["GroupId"],
  ["MemberId"],
  ["BrokerId"],
  ["NodeId"],
];

/** Lists whose order is part of the answer. */
const ORDERED: readonly string[] = ["Synonyms"];

/** Everything that differs, in the order of Kafka's answer. An answer that is text is what became of the connection. */
export function differencesBetween(kafka: Message | string, ours: Message | string): Difference[] {
  const found: Difference[] = [];
  compare("", "", kafka, ours, found);
  return found;
}

function compare(path: string, field: string, kafka: unknown, ours: unknown, found: Difference[]): void {
  if (Array.isArray(kafka) && Array.isArray(ours)) return compareLists(path, field, kafka, ours, found);
  if (isMessage(kafka) && isMessage(ours)) {
    for (const name of new Set([...Object.keys(kafka), ...Object.keys(ours)])) {
      compare(path === "" ? name : `${path}.${name}`, name, kafka[name], ours[name], found);
    }
    return;
  }
  const [left, right] = [textOf(field, kafka), textOf(field, ours)];
  if (left !== right) found.push({ path, kafka: left, ours: right });
}

function compareLists(
  path: string,
  field: string,
  kafka: readonly unknown[],
  ours: readonly unknown[],
  found: Difference[],
): void {
  const [left, right] = [byKey(field, kafka), byKey(field, ours)];
  for (const key of new Set([...left.keys(), ...right.keys()])) {
    compare(`${path}[${key}]`, field, left.get(key), right.get(key), found);
  }
}

/** Items by what they are about; by their place where that says nothing, and with a number where it is there twice. */
function byKey(field: string, items: readonly unknown[]): Map<string, unknown> {
  const keyed = new Map<string, unknown>();
  for (const [at, item] of items.entries()) {
    const base = ORDERED.includes(field) || !isMessage(item) ? String(at) : keyOf(item) ?? String(at);
    let key = base;
    for (let again = 2; keyed.has(key); again += 1) key = `${base} #${again}`;
    keyed.set(key, item);
  }
  return keyed;
}

function keyOf(item: Message): string | null {
  for (const names of KEYS) {
    const values = names.map((name) => item[name]);
    if (values.every((value) => value !== undefined && value !== null)) {
      return names.map((name) => (item[name] === "" ? '""' : textOf(name, item[name]).replaceAll('"', ""))).join("/");
    }
  }
  return null;
}

function isMessage(value: unknown): value is Message {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOf(field: string, value: unknown): string {
  if (value === undefined) return ABSENT;
  if (OWN_VALUES[field]?.(value) === true) return `<${field}>`;
  return JSON.stringify(value);
}
