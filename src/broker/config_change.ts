/** What is to become of a topic's settings (Kafka's IncrementalAlterConfigs and AlterConfigs). Pure. */
import { SentinelError } from "../base/errors.ts";
import { isListSetting, topicSettingRows } from "./topic_config.ts";
import type { TopicConfig, TopicConfigDefaults } from "./topic_config.ts";

/** Text sets, null returns to the default; a setting that is a list can get and lose values. */
export type ConfigChange = string | null | { readonly append: string } | { readonly subtract: string };

export interface ConfigChanges {
  readonly changes: Readonly<Record<string, ConfigChange>>;
  /** What is not named returns to its default; else it stays. */
  readonly replacesAll: boolean;
}

/** The settings afterwards, not yet checked. Fails with `invalid_config` when a list is asked for where there is none. */
export function changedConfig(
  current: TopicConfig,
  { changes, replacesAll }: ConfigChanges,
  defaults: TopicConfigDefaults,
): Readonly<Record<string, string>> {
  const merged = new Map(replacesAll ? [] : Object.entries(current));
  for (const [name, change] of Object.entries(changes)) {
    if (change === null) merged.delete(name);
    else if (typeof change === "string") merged.set(name, change);
    else merged.set(name, changedList(name, merged.get(name), change, defaults));
  }
  return Object.fromEntries(merged);
}

/** Values that are there already are not added twice, those that are not there are not missed: as Kafka does. */
function changedList(
  name: string,
  current: string | undefined,
  change: { readonly append: string } | { readonly subtract: string },
  defaults: TopicConfigDefaults,
): string {
  const isAppend = "append" in change;
  if (!isListSetting(name)) {
    const detail = `Can't ${isAppend ? "APPEND" : "SUBTRACT"} to key ${name} because its type is not LIST.`;
    throw new SentinelError("invalid_config", detail, { errors: [{ pointer: `/config/${name}`, detail }] });
  }
  const before = current ?? topicSettingRows(defaults).find((row) => row.name === name)?.default ?? "";
  const values = listOf(before);
  const named = listOf(isAppend ? change.append : change.subtract);
  const after = isAppend ? [...new Set([...values, ...named])] : values.filter((value) => !named.includes(value));
  return after.join(",");
}

function listOf(value: string): string[] {
  return value.split(",").map((item) => item.trim()).filter((item) => item !== "");
}
