/** The shapes of what goes in and out about groups. */
import { z } from "zod";
import { LIMITS } from "../base/limits.ts";
import { topicNameSchema } from "./schemas.ts";

const offset = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const partition = z.number().int().min(0).max(LIMITS.topicPartitionsMax - 1);

export const groupOffsetsQuerySchema = z.strictObject({
  topic: topicNameSchema.optional().describe("Only offsets of this topic"),
});

export const putGroupOffsetsBodySchema = z.strictObject({
  offsets: z.array(z.strictObject({
    topic: topicNameSchema,
    partition,
    offset,
    metadata: z.string().optional(),
  })).min(1).max(LIMITS.topicPartitionsMax),
});

export const groupOffsetsSchema = z.object({
  group: z.string(),
  state: z.enum(["Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead"]),
  offsets: z.array(z.object({
    topic: z.string(),
    partition,
    offset,
    metadata: z.string(),
    timestamp: z.number().int().describe("When it was committed, in milliseconds since 1970"),
    end: offset.optional().describe("The high watermark; absent when the partition is gone"),
    lag: offset.optional(),
  })),
});
