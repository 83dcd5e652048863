import type { Cancelable } from "../../broker/groups/until_end.ts";
import { recordToCbor } from "../../records/record_form.ts";
import type { HandlerContext } from "./handler_context.ts";
import { type Payload, readPayload } from "./wire/payload.ts";
import { getByKeyRequest } from "./wire/requests.ts";

/** The newest committed record of a key. No such record is an answer, not an error. */
export async function handleGetByKey(context: HandlerContext, payload: Uint8Array): Promise<Payload> {
  const { topic, key, partition, waitMs } = readPayload(payload, getByKeyRequest);
  let wait: Cancelable | null = null;
  try {
    const found = await context.broker.keys.lookUp({
      topic,
      key,
      ...(partition === undefined ? {} : { partition }),
      waitMs,
      onWait: (cancel) => {
        wait = { cancel };
        context.track(wait);
      },
    });
    return {
      partition: found.partition,
      highWatermark: found.highWatermark,
      record: found.record === null ? null : recordToCbor(found.record),
    };
  } finally {
    if (wait !== null) context.untrack(wait);
  }
}
