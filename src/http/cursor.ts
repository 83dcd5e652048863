/**
 * Cursors: where a reader goes on, kept by the caller and by nobody else, so that any node can serve the next read. To
 * callers they are opaque; every character may stand in a URL as it is.
 *
 * One partition:   `p.<topic id>.<partition>.<offset>`
 * All partitions:  `a.<topic id>.<partition to begin with>.<offset>~<offset>~…`   one for each partition
 *
 * Numbers are in base 36. The topic id ties a cursor to one incarnation of a topic: after a delete and a new create its
 * offsets mean other records.
 */
import { type Offset, OFFSET_MAX, type PartitionId } from "../base/ids.ts";
import { LIMITS } from "../base/limits.ts";

export type Cursor =
  | { readonly kind: "partition"; readonly topicId: string; readonly partition: PartitionId; readonly offset: Offset }
  | {
    readonly kind: "all";
    readonly topicId: string;
    /** Which partition the next read begins with: none waits for ever behind a busy one. */
    readonly first: PartitionId;
    readonly offsets: readonly Offset[];
  };

const NUMBER = /^(0|[1-9a-z][0-9a-z]{0,10})$/;
const TOPIC_ID = /^[A-Za-z0-9_-]{1,64}$/;

export function encodeCursor(cursor: Cursor): string {
  if (cursor.kind === "partition") {
    return `p.${cursor.topicId}.${cursor.partition.toString(36)}.${cursor.offset.toString(36)}`;
  }
  const offsets = cursor.offsets.map((offset) => offset.toString(36)).join("~");
  return `a.${cursor.topicId}.${cursor.first.toString(36)}.${offsets}`;
}

/** The cursor, or null when the text is none: it may have been changed on its way. */
export function decodeCursor(text: string): Cursor | null {
  const parts = text.split(".", 5);
  if (parts.length !== 4) return null;
  const [kind, topicId, first, last] = parts as [string, string, string, string];
  if (!TOPIC_ID.test(topicId)) return null;
  const partition = decodeNumber(first);
  if (partition === null || partition >= LIMITS.topicPartitionsMax) return null;
  if (kind === "p") {
    const offset = decodeNumber(last);
    return offset === null ? null : { kind: "partition", topicId, partition, offset };
  }
  if (kind !== "a") return null;
  const texts = last.split("~", LIMITS.httpReadPartitionsMax + 1);
  if (texts.length > LIMITS.httpReadPartitionsMax) return null;
  const offsets: Offset[] = [];
  for (const offsetText of texts) {
    const offset = decodeNumber(offsetText);
    if (offset === null) return null;
    offsets.push(offset);
  }
  return { kind: "all", topicId, first: partition, offsets };
}

function decodeNumber(text: string): number | null {
  if (!NUMBER.test(text)) return null;
  const value = Number.parseInt(text, 36);
  return value <= OFFSET_MAX ? value : null;
}
