/** What the handlers of native frames work with. */
import type { SentinelError } from "../../base/errors.ts";
import type { NodeId } from "../../base/ids.ts";
import type { BrokerApi } from "../../broker/broker_api.ts";
import type { WaitKeeper } from "../../broker/groups/until_end.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Compression } from "../../platform/compression.ts";
import type { ReplyBudget } from "./reply_budget.ts";

export interface NativeSessionOptions {
  readonly broker: BrokerApi;
  readonly clock: Clock;
  readonly compression: Compression;
  /** Name and version of this program, as `hello` tells it. */
  readonly brokerName: string;
  /** `host:port` of the client, for people. */
  readonly peer?: string;
  /** This node's id. */
  readonly nodeId: NodeId;
  /** Told of every failure that is our bug, so that it reaches the log. */
  readonly onInternalError?: (error: SentinelError) => void;
}

/** What a handler needs besides its request. */
export interface HandlerContext extends NativeSessionOptions, WaitKeeper {
  /** What is known of the connection besides its requests. */
  readonly connection: { clientName: string };
  readonly replyBudget: ReplyBudget;
}
