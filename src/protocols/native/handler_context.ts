/** What the handlers of native frames work with. */
import type { SentinelError } from "../../base/errors.ts";
import type { NodeId } from "../../base/ids.ts";
import type { BrokerApi } from "../../broker/broker_api.ts";
import type { PendingFetch } from "../../broker/types.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Compression } from "../../platform/compression.ts";
import type { ReplyBudget } from "./reply_budget.ts";

export interface NativeSessionOptions {
  readonly broker: BrokerApi;
  readonly clock: Clock;
  readonly compression: Compression;
  /** Name and version of this program, as `hello` tells it. */
  readonly brokerName: string;
  /** This node's id. */
  readonly nodeId: NodeId;
  /** Told of every failure that is our bug, so that it reaches the log. */
  readonly onInternalError?: (error: SentinelError) => void;
}

/** What a handler needs besides its request. */
export interface HandlerContext extends NativeSessionOptions {
  /** Keeps a fetch that waits, so that the end of the connection ends the wait. */
  track(fetch: PendingFetch): void;
  untrack(fetch: PendingFetch): void;
  readonly replyBudget: ReplyBudget;
}
