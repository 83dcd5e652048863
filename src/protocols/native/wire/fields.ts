/** The kinds of field that native messages are made of, with the words that a caller reads when one is wrong. */
import { z } from "zod";
import type { Offset, TimestampMs } from "../../../base/ids.ts";

/** What zod tells of a wrong field. */
interface Issue {
  readonly input?: unknown;
}

/** The text for a field that is missing or has the wrong type; the field's name is put before it. */
export function wrong(what: string): (issue: Issue) => string {
  return ({ input }) => input === undefined ? "is required" : `is not ${what}`;
}

export const text = z.string({ error: wrong("text") });

/** A topic's name. What makes one valid is the broker's to say. */
export const topicName = text.min(1, { error: "is required" });

/** An integer between two bounds, both allowed. Out of range is refused by name, never clamped. */
export function integer(min: number, max: number): z.ZodNumber {
  return z.int({ error: wrong("an integer") })
    .min(min, { error: ({ input }) => `${String(input)} is below ${min}` })
    .max(max, { error: ({ input }) => `${String(input)} is above the limit of ${max}` });
}

/** The largest partition index and count: Kafka's fields are an i32. */
const INT32_MAX = 2_147_483_647;

export const partitionIndex = integer(0, INT32_MAX);
export const partitionsCount = integer(1, INT32_MAX);
/** −1: the broker's default. */
export const replicasCount = integer(-1, 32_767);

export const startOffset = z.custom<Offset | "earliest" | "latest">(
  (value) => value === "earliest" || value === "latest" || isCount(value),
  { error: wrong('"earliest", "latest" or an offset from 0 on') },
);

export const timePoint = z.custom<"earliest" | "latest" | TimestampMs>(
  (value) => value === "earliest" || value === "latest" || isCount(value),
  { error: wrong('"earliest", "latest" or milliseconds since 1970') },
);

export const byteString = z.custom<Uint8Array>((value) => value instanceof Uint8Array, {
  error: wrong("a byte string"),
});

/** A list whose items are checked where they are used: zod would copy it, and once for each record. */
export const uncheckedList = z.custom<readonly unknown[]>((value) => Array.isArray(value), { error: wrong("a list") });

function isCount(value: unknown): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
