import type { Offset, PartitionId } from "../base/ids.ts";
import type { NativeClient } from "../client/native_client.ts";

/** Where reading begins, as flags say it. */
export type Start = Offset | "earliest" | "latest" | { readonly atMs: number };

/** `earliest`, `latest`, a number or `@MS`; null when it is none of them. */
export function parseStart(where: string): Start | null {
  if (where === "earliest" || where === "latest") return where;
  const match = /^(@?)(\d{1,16})$/.exec(where);
  if (match === null) return null;
  const number = Number(match[2]);
  if (!Number.isSafeInteger(number)) return null;
  return match[1] === "@" ? { atMs: number } : number;
}

/** The offset that is meant in one partition. */
export async function resolveStart(
  client: NativeClient,
  topic: string,
  partition: PartitionId,
  start: Start,
): Promise<Offset> {
  if (typeof start === "number") return start;
  return (await client.offsets(topic, partition, typeof start === "object" ? start.atMs : start)).offset;
}
