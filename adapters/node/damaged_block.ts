import { SentinelError } from "../../src/base/errors.ts";
import type { Codec } from "../../src/platform/compression.ts";

/** What a decoder answers to bytes that are not of its format. */
export function damagedBlock(codec: Codec, detail: string, cause?: unknown): SentinelError {
  return new SentinelError(
    "corrupt_batch",
    `The ${codec} data is damaged: ${detail}`,
    cause === undefined ? {} : { cause },
  );
}

/** What a decoder answers when the output would pass its bound. */
export function blockTooLarge(codec: Codec, outputBytesMax: number): SentinelError {
  return new SentinelError("too_large", `The ${codec} data expands to more than ${outputBytesMax} bytes`, {
    facts: { limit: outputBytesMax },
  });
}
