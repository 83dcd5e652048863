import { errorCodeOf } from "../error_answer.ts";
import { defineHandler } from "../handler.ts";
import { heartbeatApi } from "../wire/messages/heartbeat.ts";

/** A member says that it lives, and hears whether it must rejoin. */
export const heartbeatHandler = defineHandler(heartbeatApi, {
  handle({ groupId, generationId, memberId, groupInstanceId }, { broker }) {
    const claim = { memberId, instanceId: groupInstanceId, generation: generationId };
    return { throttleTimeMs: 0, errorCode: errorCodeOf(broker.groups.heartbeat(groupId, claim)) };
  },
  fail: (_request, { errorCode }) => ({ throttleTimeMs: 0, errorCode }),
});
