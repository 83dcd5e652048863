import { type ErrorCode, ERRORS, SentinelError } from "../../base/errors.ts";

/** A group's answer as an error, for the faces that have no place for a bare code. */
export function groupError(code: ErrorCode, groupId: string): SentinelError {
  return new SentinelError(code, `Group ${JSON.stringify(groupId.slice(0, 100))}: ${ERRORS[code].title.toLowerCase()}`);
}

/** Fails unless there is no error. */
export function assertNoGroupError(code: ErrorCode | null, groupId: string): void {
  if (code !== null) throw groupError(code, groupId);
}
