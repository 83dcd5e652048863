import type { Offset } from "../../base/ids.ts";
import { SentinelError } from "../../base/errors.ts";
import type { LogState } from "./log_state.ts";

/** The answer for an offset that a log does not hold. */
export function outOfRange({ startOffset, endOffset, directory }: LogState, offset: Offset): SentinelError {
  const name = directory.slice(directory.lastIndexOf("/") + 1);
  return new SentinelError(
    "offset_out_of_range",
    `Offset ${offset} is outside ${name}, which holds ${startOffset} to ${endOffset}`,
    { facts: { earliest: startOffset, tail: endOffset } },
  );
}
