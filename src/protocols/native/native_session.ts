import { asSentinelError, SentinelError } from "../../base/errors.ts";
import type { ErrorCode } from "../../base/errors.ts";
import type { Lease } from "../../bytes/lease.ts";
import { unreachable } from "../../base/assert.ts";
import { LIMITS } from "../../base/limits.ts";
import type { Cancelable } from "../../broker/groups/until_end.ts";
import type { HandlerContext, NativeSessionOptions } from "./handler_context.ts";
import { encodeErrorReply } from "./error_reply.ts";
import { handleFetch } from "./fetch_handler.ts";
import { handleGetByKey } from "./key_handler.ts";
import { handleHello, handleMetadata, handleOffsets } from "./cluster_handlers.ts";
import {
  handleCommitOffsets,
  handleCommittedOffsets,
  handleDeleteGroup,
  handleDescribeGroup,
  handleGroupHeartbeat,
  handleJoinGroup,
  handleLeaveGroup,
  handleListGroups,
  handleSyncGroup,
} from "./group_handlers.ts";
import { handleProduce } from "./produce_handler.ts";
import { ReplyBudget } from "./reply_budget.ts";
import { handleAlterTopic, handleCreateTopic, handleDeleteTopic, handleDescribeTopic } from "./topic_handlers.ts";
import { encodeFrame, readFrame } from "./wire/frame.ts";
import { formatMessageType, MESSAGE_TYPES, type MessageName, messageName, REPLY_STEP } from "./wire/message_types.ts";
import { type Payload, readPayload, writePayload } from "./wire/payload.ts";
import { pingRequest } from "./wire/requests.ts";

type GroupMessageName = Extract<
  MessageName,
  `${string}Group` | `${string}Groups` | "groupHeartbeat" | "commitOffsets" | "committedOffsets"
>;

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
  readonly #waits: Set<Cancelable> = new Set();
  #isEnded = false;

  constructor(options: NativeSessionOptions) {
    this.#context = {
      ...options,
      connection: { clientName: "native" },
      replyBudget: new ReplyBudget(LIMITS.connectionBytesMax),
      track: (wait) => {
        this.#waits.add(wait);
        // A request that was read before the end came must not wait either.
        if (this.#isEnded) wait.cancel();
      },
      untrack: (wait) => void this.#waits.delete(wait),
    };
  }

  /** The reply to one request. Never fails: what cannot be done is an error reply, and the connection goes on. */
  async handle(body: Uint8Array, lease: Lease | null = null): Promise<readonly Uint8Array[]> {
    const { type, correlationId, payload } = readFrame(body);
    try {
      const name = messageName(type);
      if (name === null) {
        throw new SentinelError("unsupported_version", `message type ${formatMessageType(type)} is not known`);
      }
      const reply = await this.#dispatch(name, payload, lease);
      return encodeFrame(MESSAGE_TYPES[name] + REPLY_STEP, correlationId, writePayload(reply));
    } catch (thrown) {
      const error = asSentinelError(thrown);
      if (error.code === "internal") this.#context.onInternalError?.(error);
      // What reached the broker, the broker has counted.
      if (UNREAD_CODES.has(error.code)) this.#context.broker.counters.errors += 1;
      return encodeErrorReply(correlationId, error);
    }
  }

  /** Ends every wait: they answer with what is there, now and from now on. */
  endWaits(): void {
    this.#isEnded = true;
    for (const wait of this.#waits) wait.cancel();
  }

  #dispatch(name: MessageName, payload: Uint8Array, lease: Lease | null): Payload | Promise<Payload> {
    const context = this.#context;
    switch (name) {
      case "hello":
        return handleHello(context, payload);
      case "produce":
        return handleProduce(context, payload, lease);
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
      case "getByKey":
        return handleGetByKey(context, payload);
      default:
        return this.#dispatchGroups(name, payload);
    }
  }

  #dispatchGroups(name: GroupMessageName, payload: Uint8Array): Payload | Promise<Payload> {
    const context = this.#context;
    switch (name) {
      case "joinGroup":
        return handleJoinGroup(context, payload);
      case "syncGroup":
        return handleSyncGroup(context, payload);
      case "groupHeartbeat":
        return handleGroupHeartbeat(context, payload);
      case "leaveGroup":
        return handleLeaveGroup(context, payload);
      case "commitOffsets":
        return handleCommitOffsets(context, payload);
      case "committedOffsets":
        return handleCommittedOffsets(context, payload);
      case "listGroups":
        return handleListGroups(context, payload);
      case "describeGroup":
        return handleDescribeGroup(context, payload);
      case "deleteGroup":
        return handleDeleteGroup(context, payload);
      default:
        return unreachable(name);
    }
  }
}
