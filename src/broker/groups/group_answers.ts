import type { ErrorCode } from "../../base/errors.ts";
import { NO_BYTES } from "./group_member.ts";
import type { DoneAnswer, JoinAnswer, SyncAnswer } from "./group_types.ts";

/** Generation of an answer that has none. */
export const NO_GENERATION = -1;

export function joinFailure(error: ErrorCode, memberId: string): JoinAnswer {
  return {
    kind: "join",
    error,
    memberId,
    generation: NO_GENERATION,
    protocolType: null,
    protocolName: null,
    leader: "",
    members: [],
    skipAssignment: false,
  };
}

export function syncFailure(error: ErrorCode): SyncAnswer {
  return { kind: "sync", error, protocolType: null, protocolName: null, assignment: NO_BYTES };
}

export function done(error: ErrorCode | null): DoneAnswer {
  return { kind: "done", error };
}
