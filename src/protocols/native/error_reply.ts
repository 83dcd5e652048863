import type { SentinelError } from "../../base/errors.ts";
import { encodeFrame } from "./wire/frame.ts";
import { ERROR_REPLY } from "./wire/message_types.ts";
import { writePayload } from "./wire/payload.ts";

/** Error texts may quote what a caller sent; this many characters of it are enough. */
const MESSAGE_CHARS_MAX = 4_096;

/** The frame that says why a request was not done. */
export function encodeErrorReply(correlationId: number, error: SentinelError): Uint8Array[] {
  const { kafkaError, retryable } = error.row;
  // A cut may fall inside a surrogate pair, and a half of one is no text in CBOR.
  const message = error.message.slice(0, MESSAGE_CHARS_MAX).toWellFormed();
  const payload = writePayload({
    code: error.code,
    message,
    kafkaError,
    retryable,
    ...(error.errors.length === 0 ? {} : { errors: error.errors.map(({ pointer, detail }) => ({ pointer, detail })) }),
    ...(Object.keys(error.facts).length === 0 ? {} : { facts: error.facts }),
  });
  return encodeFrame(ERROR_REPLY, correlationId, payload);
}
