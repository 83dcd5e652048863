/** What a body's reader gets when a bound of the server is passed. */
import { SentinelError } from "../../src/base/errors.ts";

export function bodyTooLarge(bytesMax: number): SentinelError {
  return new SentinelError("too_large", `The body is larger than ${bytesMax} bytes`, { facts: { limit: bytesMax } });
}

export function bodyTooSlow(bodyMsMax: number): SentinelError {
  return new SentinelError("timed_out", `The body did not arrive within ${bodyMsMax} ms`);
}
