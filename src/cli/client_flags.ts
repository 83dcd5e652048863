import { LIMITS } from "../base/limits.ts";
import { flag, integer, notBuilt, text } from "./flags.ts";

/** Flags of every command that speaks with a broker. */
export const clientFlags = {
  broker: flag(text().default("localhost:9092"), { valueName: "HOST:PORT", help: "the broker's address" }),
  user: notBuilt("NAME"),
  passwordFile: notBuilt("FILE"),
  token: notBuilt("TOKEN"),
  tlsCa: notBuilt("FILE"),
};

/** `-topic`, which is required; that is said in the seeds' own words and not in zod's. */
export const topicFlag = flag(text().default(""), { valueName: "TOPIC", help: "the topic (required)" });

export const TOPIC_REQUIRED = "Error: -topic is required";

/** Partitions of one topic, as flags name them. */
export const partitionNumber = integer(-1, LIMITS.topicPartitionsMax - 1);

/** `k=v` into its two parts, or null without an `=`. */
export function splitPair(pair: string): readonly [string, string] | null {
  const at = pair.indexOf("=");
  return at < 1 ? null : [pair.slice(0, at), pair.slice(at + 1)];
}
