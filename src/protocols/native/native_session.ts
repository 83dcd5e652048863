import { asSentinelError, SentinelError } from "../../base/errors.ts";
import type { ErrorCode } from "../../base/errors.ts";
import { unreachable } from "../../base/assert.ts";
import { LIMITS } from "../../base/limits.ts";
import type { PendingFetch } from "../../broker/types.ts";
import type { HandlerContext, NativeSessionOptions } from "./handler_context.ts";
import { encodeErrorReply } from "./error_reply.ts";
import { handleFetch } from "./fetch_handler.ts";
import { handleHello, handleMetadata, handleOffsets } from "./cluster_handlers.ts";
import { handleProduce } from "./produce_handler.ts";
import { ReplyBudget } from "./reply_budget.ts";
import { handleAlterTopic, handleCreateTopic, handleDeleteTopic, handleDescribeTopic } from "./topic_handlers.ts";
import { encodeFrame, readFrame } from "./wire/frame.ts";
import { formatMessageType, MESSAGE_TYPES, type MessageName, messageName, REPLY_STEP } from "./wire/message_types.ts";
import { type Payload, readPayload, writePayload } from "./wire/payload.ts";
import { pingRequest } from "./wire/requests.ts";

/** Faults of requests that cannot be read: the broker never hears of them. */
const UNREAD_CODES: ReadonlySet<ErrorCode> = new Set(["invalid_request", "unsupported_version", "unauthenticated"]);

/**
 * Native frames over one connection: a request's body in, the reply's slices out (native frames, version 1).
 *
 * Requests do not wait for each other, and replies come in any order. Up to the broker's own call a request is worked on
 * synchronously, so produces of one connection reach the broker in the order in which they were sent.
 */
export class NativeSession {
  readonly #context: HandlerContext;
  readonly #waits: Set<PendingFetch> = new Set();
  #isEnded = false;

  constructor(options: NativeSessionOptions) {
    this.#context = {
      ...options,
      replyBudget: new ReplyBudget(LIMITS.connectionBytesMax),
      track: (fetch) => {
        this.#waits.add(fetch);
        // A request that was read before the end came must not wait either.
        if (this.#isEnded) fetch.cancel();
      },
      untrack: (fetch) => void this.#waits.delete(fetch),
    };
  }

  /** The reply to one request. Never fails: what cannot be done is an error reply, and the connection goes on. */
  async handle(body: Uint8Array): Promise<readonly Uint8Array[]> {
    const { type, correlationId, payload } = readFrame(body);
    try {
      const name = messageName(type);
      if (name === null) {
        throw new SentinelError("unsupported_version", `message type ${formatMessageType(type)} is not known`);
      }
      const reply = await this.#dispatch(name, payload);
      return encodeFrame(MESSAGE_TYPES[name] + REPLY_STEP, correlationId, writePayload(reply));
    } catch (thrown) {
      const error = asSentinelError(thrown);
      if (error.code === "internal") this.#context.onInternalError?.(error);
      // What reached the broker, the broker has counted.
      if (UNREAD_CODES.has(error.code)) this.#context.broker.counters.errors += 1;
      return encodeErrorReply(correlationId, error);
    }
  }

  /** Ends every wait: the fetches answer with what is there, now and from now on. */
  endWaits(): void {
    this.#isEnded = true;
    for (const fetch of this.#waits) fetch.cancel();
  }

  #dispatch(name: MessageName, payload: Uint8Array): Payload | Promise<Payload> {
    const context = this.#context;
    switch (name) {
      case "hello":
        return handleHello(context, payload);
      case "produce":
        return handleProduce(context, payload);
      case "fetch":
        return handleFetch(context, payload);
      case "metadata":
        return handleMetadata(context, payload);
      case "offsets":
        return handleOffsets(context, payload);
      case "createTopic":
        return handleCreateTopic(context, payload);
      case "deleteTopic":
        return handleDeleteTopic(context, payload);
      case "ping":
        readPayload(payload, pingRequest);
        return {};
      case "alterTopic":
        return handleAlterTopic(context, payload);
      case "describeTopic":
        return handleDescribeTopic(context, payload);
      default:
        return unreachable(name);
    }
  }
}
