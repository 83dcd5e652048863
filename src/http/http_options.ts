/** What the HTTP face is made of and which bounds it keeps. */
import { assert } from "../base/assert.ts";
import { LIMITS } from "../base/limits.ts";
import type { BrokerApi } from "../broker/broker_api.ts";
import type { DurabilityReached } from "../broker/types.ts";
import type { Clock } from "../platform/clock.ts";
import type { Compression } from "../platform/compression.ts";
import type { Random } from "../platform/random.ts";

/** The rows of `LIMITS` that the HTTP face keeps; a test, or an operator, may set others. */
export interface HttpLimits {
  readonly httpRecordsMax: number;
  readonly httpBodyBytesMax: number;
  readonly bodyDepthMax: number;
  readonly httpRequestsInWorkMax: number;
  readonly httpBodiesBytesMax: number;
  readonly httpWaitsMax: number;
  readonly httpWaitSecondsMax: number;
  readonly httpReadRecordsMax: number;
  readonly httpReadRecordsDefault: number;
  readonly httpPageTopicsMax: number;
  readonly httpReadPartitionsMax: number;
  readonly httpKeyBytesMax: number;
  readonly keyLookupWaitMsDefault: number;
  readonly httpStreamPingMs: number;
  readonly fetchBytesDefault: number;
  readonly fetchBytesMax: number;
  readonly decompressedBytesMax: number;
}

export interface HttpAppOptions {
  readonly broker: BrokerApi;
  readonly clock: Clock;
  readonly random: Random;
  readonly compression: Compression;
  /** Rows that differ from `LIMITS`. */
  readonly limits?: Partial<HttpLimits>;
  /** Web origins that may call (`https://app.example`), or `*` for any. Default: none but the broker's own. */
  readonly corsOrigins?: readonly string[];
  /** Names without port under which clients reach this listener, besides loopback ones. */
  readonly advertisedHosts?: readonly string[];
  /** Whether the listener is bound to a loopback address: then a foreign `Host` is refused, which stops DNS rebinding. */
  readonly isLoopback?: boolean;
  /** The broker's own durability, for topics that set none: below `fsync` an answer is never marked immutable. */
  readonly durability?: DurabilityReached;
  /** Connections that are open now, on all listeners; `/metrics` shows it. */
  readonly activeConnections?: () => number;
  /** Called with what is our own bug behind an answer of 500, for the log. */
  readonly onInternalError?: (requestId: string, thrown: unknown) => void;
}

/** `LIMITS` with the given rows in place of its own. */
export function httpLimits(changed: Partial<HttpLimits> = {}): HttpLimits {
  const limits: HttpLimits = { ...LIMITS, ...changed };
  assert(limits.httpBodyBytesMax <= limits.httpBodiesBytesMax, "One full body must fit into the budget of all bodies");
  assert(limits.httpReadRecordsDefault <= limits.httpReadRecordsMax, "The default read must be an allowed one");
  assert(limits.fetchBytesDefault <= limits.fetchBytesMax, "The default read must be an allowed one");
  return limits;
}
