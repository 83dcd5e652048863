/**
 * The topics that the metadata log tells of: a pure machine, fed with one record after another. The same records give
 * the same table, on every node and at every start (seed-O1, seed-K5).
 */
import type { MetadataRecord } from "../cluster/metadata_log.ts";
import type { KnownPartitions, StorageEngine } from "../cluster/partition_store.ts";
import type { Standing } from "../cluster/lsm_partitions.ts";
import type { PartitionId } from "../base/ids.ts";
import { SentinelError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { StoredSettings } from "./storage_engine.ts";
import type { TopicConfig } from "./topic_config.ts";
import { topicNameFault } from "./topic_name.ts";

/** One incarnation of a topic. */
export interface TopicEntry extends StoredSettings {
  readonly name: string;
  readonly topicId: string;
  readonly partitions: number;
}

export function topicRecord(entry: TopicEntry): MetadataRecord {
  const { name, topicId: id, partitions, engine, config } = entry;
  // Records from before there was a choice have no engine.
  return { type: "topic", name, id, partitions, ...(engine === "log" ? {} : { engine }), config };
}

export function changeRecord(entry: TopicEntry): MetadataRecord {
  return { type: "change", id: entry.topicId, partitions: entry.partitions, config: entry.config };
}

export function deleteRecord(entry: TopicEntry): MetadataRecord {
  return { type: "delete", id: entry.topicId };
}

export class TopicTable implements KnownPartitions {
  readonly #byName = new Map<string, TopicEntry>();
  readonly #nameById = new Map<string, string>();
  /** Topic ids that were deleted: their directories may still be there after a crash. */
  readonly #deleted = new Map<string, TopicEntry>();
  #partitions = 0;

  get size(): number {
    return this.#byName.size;
  }

  /** Partitions of all topics. */
  get partitionCount(): number {
    return this.#partitions;
  }

  get(name: string): TopicEntry | undefined {
    return this.#byName.get(name);
  }

  /** The name of the topic that has this id now. */
  nameOf(topicId: string): string | undefined {
    return this.#nameById.get(topicId);
  }

  /** Sorted by name. */
  names(): string[] {
    return [...this.#byName.keys()].sort((left, right) => (left < right ? -1 : left > right ? 1 : 0));
  }

  entries(): IterableIterator<TopicEntry> {
    return this.#byName.values();
  }

  deletedEntries(): IterableIterator<TopicEntry> {
    return this.#deleted.values();
  }

  /** A topic in the tree has no directories; what has its name there was another incarnation's. */
  readonly isDirectoryKnown = (topic: string, partition: PartitionId, topicId: string): boolean => {
    const entry = this.#byName.get(topic);
    return entry !== undefined && entry.engine === "log" && (topicId === "" || entry.topicId === topicId) &&
      partition < entry.partitions;
  };

  readonly standingOf = (topicId: string, partition: PartitionId): Standing => {
    const entry = this.#byName.get(this.#nameById.get(topicId) ?? "");
    if (entry !== undefined && partition < entry.partitions) return "known";
    return this.#deleted.has(topicId) ? "deleted" : "unknown";
  };

  apply(record: MetadataRecord): void {
    switch (record.type) {
      case "snapshot":
        this.#byName.clear();
        this.#nameById.clear();
        this.#deleted.clear();
        this.#partitions = 0;
        return;
      case "topic":
        return this.#put({
          name: topicName(record),
          topicId: text(record, "id"),
          partitions: count(record, "partitions"),
          engine: engine(record),
          config: config(record),
        });
      case "change": {
        const entry = this.#entryOf(text(record, "id"));
        return this.#put({ ...entry, partitions: count(record, "partitions"), config: config(record) });
      }
      case "delete": {
        const entry = this.#entryOf(text(record, "id"));
        this.#byName.delete(entry.name);
        this.#nameById.delete(entry.topicId);
        this.#deleted.set(entry.topicId, entry);
        this.#partitions -= entry.partitions;
        return;
      }
      default:
        // A record of a later version: going on without it would lose what it says.
        throw new SentinelError(
          "storage_error",
          `The metadata log has a record of type ${record.type}, which this program does not know`,
        );
    }
  }

  /** Everything that is, as records. */
  snapshot(): MetadataRecord[] {
    return this.names().map((name) => topicRecord(this.#byName.get(name)!));
  }

  #put(entry: TopicEntry): void {
    const previous = this.#byName.get(entry.name);
    const isNext = previous === undefined ||
      (previous.topicId === entry.topicId && previous.partitions <= entry.partitions);
    if (!isNext || (this.#nameById.get(entry.topicId) ?? entry.name) !== entry.name) {
      // The log is a file: what it holds is never our own bug for certain, and a start must be able to name it.
      throw new SentinelError("storage_error", `The metadata log makes topic ${entry.name} twice, or shrinks it`);
    }
    this.#partitions += entry.partitions - (previous?.partitions ?? 0);
    this.#byName.set(entry.name, entry);
    this.#nameById.set(entry.topicId, entry.name);
  }

  #entryOf(topicId: string): TopicEntry {
    const entry = this.#byName.get(this.#nameById.get(topicId) ?? "");
    if (entry === undefined) {
      throw new SentinelError("storage_error", `The metadata log changes topic id ${topicId}, which it never made`);
    }
    return entry;
  }
}

function text(record: MetadataRecord, name: string): string {
  const value = record[name];
  if (typeof value === "string") return value;
  throw new SentinelError("storage_error", `A ${record.type} record of the metadata log has no ${name}`);
}

/** The name becomes a directory's: one that no caller could have given leads out of the data directory. */
function topicName(record: MetadataRecord): string {
  const name = text(record, "name");
  const fault = topicNameFault(name);
  if (fault === null) return name;
  throw new SentinelError("storage_error", `A ${record.type} record of the metadata log is not valid: ${fault}`);
}

function count(record: MetadataRecord, name: string): number {
  const value = record[name];
  if (typeof value === "number" && Number.isInteger(value) && value > 0 && value <= LIMITS.topicPartitionsMax) {
    return value;
  }
  throw new SentinelError("storage_error", `A ${record.type} record of the metadata log has no ${name}`);
}

function engine(record: MetadataRecord): StorageEngine {
  const value = record["engine"] ?? "log";
  if (value === "log" || value === "lsm") return value;
  throw new SentinelError("storage_error", `A ${record.type} record of the metadata log has an unknown engine`);
}

function config(record: MetadataRecord): TopicConfig {
  const value = record["config"];
  const isConfig = typeof value === "object" && value !== null && !Array.isArray(value) &&
    Object.values(value).every((setting) => typeof setting === "string");
  if (isConfig) return { ...(value as TopicConfig) };
  throw new SentinelError("storage_error", `A ${record.type} record of the metadata log has no config`);
}
