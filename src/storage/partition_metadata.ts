/**
 * Which incarnation of a topic a partition's directory belongs to: Kafka's `partition.metadata`, two lines,
 * `version: 0` and `topic_id: <22 characters>`.
 */
import { parseUuid } from "../base/ids.ts";
import { decodeUtf8 } from "../bytes/utf8.ts";
import type { Disk } from "../platform/disk.ts";
import { readSmallFile, replaceFile } from "./small_file.ts";

export const PARTITION_METADATA_FILE = "partition.metadata";

/** Durable when it resolves. */
export function storePartitionMetadata(disk: Disk, directory: string, topicId: string): Promise<void> {
  return replaceFile(
    disk,
    directory,
    PARTITION_METADATA_FILE,
    new TextEncoder().encode(`version: 0\ntopic_id: ${topicId}`),
  );
}

/** The topic id, or null when the file is missing or not one. */
export async function loadPartitionMetadata(disk: Disk, directory: string): Promise<string | null> {
  const bytes = await readSmallFile(disk, `${directory}/${PARTITION_METADATA_FILE}`, 1_024);
  const match = /^version: 0\ntopic_id: (\S{22})\s*$/.exec(bytes === null ? "" : decodeUtf8(bytes) ?? "");
  return match !== null && parseUuid(match[1]!) !== null ? match[1]! : null;
}
