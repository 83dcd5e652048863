/**
 * A topic's `storage.engine`: chosen when the topic is made and fixed for its life. The metadata keep it beside the
 * settings, so that a broker that is started with another default changes no topic. Pure.
 */
import { SentinelError } from "../base/errors.ts";
import type { StorageEngine } from "../cluster/partition_store.ts";
import type { TopicConfig, TopicConfigDefaults } from "./topic_config.ts";

const SETTING = "storage.engine";

/** What the metadata keep of a topic's settings. */
export interface StoredSettings {
  readonly engine: StorageEngine;
  /** Without the engine. */
  readonly config: TopicConfig;
}

/** Normalized settings, taken apart. */
export function storedSettings(normalized: TopicConfig, { engine }: TopicConfigDefaults): StoredSettings {
  const { [SETTING]: named = engine, ...config } = normalized;
  return { engine: named as StorageEngine, config };
}

/** The settings of a topic that are not this broker's defaults. */
export function shownConfig({ engine, config }: StoredSettings, defaults: TopicConfigDefaults): TopicConfig {
  return engine === defaults.engine ? config : { ...config, [SETTING]: engine };
}

/**
 * What a change makes of a topic's settings. One that replaces all and does not name the engine leaves it; one that would
 * change it fails with `invalid_config`.
 */
export function withKeptEngine(
  name: string,
  before: StoredSettings,
  after: StoredSettings,
  changes: Readonly<Record<string, unknown>>,
): StoredSettings {
  const { engine } = before;
  if (after.engine === engine || !Object.hasOwn(changes, SETTING)) return { engine, config: after.config };
  const detail = `Invalid value ${after.engine} for configuration ${SETTING}: ` +
    `The topic ${name} is stored with ${engine}, which is fixed for its life`;
  throw new SentinelError("invalid_config", detail, { errors: [{ pointer: `/config/${SETTING}`, detail }] });
}
