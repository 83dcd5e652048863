import { SentinelError } from "../../base/errors.ts";
import { answerThrown } from "./error_answer.ts";
import type { RequestContext } from "./handler.ts";
import { KAFKA_ERRORS } from "./wire/error_codes.ts";

/** What is wrong with one thing that an administrative request asks for. */
export interface Fault {
  readonly errorCode: number;
  /** Null where Kafka says no more than the number. */
  readonly errorMessage: string | null;
}

export const NO_FAULT: Fault = { errorCode: KAFKA_ERRORS.NONE, errorMessage: null };

/** What was thrown, as Kafka tells it: of several settings that are wrong the first, of a time-out the number alone. */
export function adminFault(thrown: unknown, context: RequestContext): Fault {
  const error = answerThrown(thrown, context.onInternalError);
  if (thrown instanceof SentinelError && thrown.code === "invalid_config" && thrown.errors.length > 0) {
    return { ...error, errorMessage: thrown.errors[0]!.detail };
  }
  return error.errorCode === KAFKA_ERRORS.REQUEST_TIMED_OUT ? { ...error, errorMessage: null } : error;
}
