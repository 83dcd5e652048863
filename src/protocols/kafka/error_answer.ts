import { asSentinelError, type ErrorCode, ERRORS, type SentinelError } from "../../base/errors.ts";
import { KAFKA_ERRORS } from "./wire/error_codes.ts";

/** Error texts may quote what a caller sent, and Kafka's strings end at 32,767 bytes. */
const MESSAGE_CHARS_MAX = 1_024;

/** What a response says of a failure. */
export interface ErrorAnswer {
  readonly errorCode: number;
  /** For people; never empty. */
  readonly errorMessage: string;
}

/**
 * Where Kafka's clients act on a number in another way than the error table's row wants. Ours when the broker is full is
 * 89 on other faces, which only quota-aware admin clients take for a reason to try again; a stopping broker's is 8, which
 * clients take for final.
 */
const KAFKA_OWN: Partial<Readonly<Record<ErrorCode, number>>> = {
  overloaded: KAFKA_ERRORS.NOT_ENOUGH_REPLICAS,
  shutting_down: KAFKA_ERRORS.NOT_LEADER_OR_FOLLOWER,
  unauthenticated: KAFKA_ERRORS.ILLEGAL_SASL_STATE,
};

/** The one mapping from the broker's errors to Kafka's numbers. */
export function errorAnswer(error: SentinelError): ErrorAnswer {
  const errorCode = KAFKA_OWN[error.code] ?? error.row.kafkaError ?? KAFKA_ERRORS.UNKNOWN_SERVER_ERROR;
  return { errorCode, errorMessage: error.message.slice(0, MESSAGE_CHARS_MAX).toWellFormed() };
}

/** As `errorAnswer`, for whatever was thrown. `onInternalError` hears of our own bugs. */
export function answerThrown(thrown: unknown, onInternalError?: (error: SentinelError) => void): ErrorAnswer {
  const error = asSentinelError(thrown);
  if (error.code === "internal") onInternalError?.(error);
  return errorAnswer(error);
}

/** The number of an error that came as a value; null is none. */
export function errorCodeOf(code: ErrorCode | null): number {
  return code === null
    ? KAFKA_ERRORS.NONE
    : KAFKA_OWN[code] ?? ERRORS[code].kafkaError ?? KAFKA_ERRORS.UNKNOWN_SERVER_ERROR;
}
