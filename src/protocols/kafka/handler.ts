/** What a handler of one API is, and what it works with. */
import type { SentinelError } from "../../base/errors.ts";
import type { NodeId } from "../../base/ids.ts";
import type { Lease } from "../../bytes/lease.ts";
import type { BrokerApi } from "../../broker/broker_api.ts";
import type { ReadMemory } from "../../broker/types.ts";
import type { Clock } from "../../platform/clock.ts";
import type { AnySchema, MessageInput, MessageValue } from "../../schema/message_schema.ts";
import type { VersionRange } from "../../schema/versions.ts";
import type { ErrorAnswer } from "./error_answer.ts";
import type { FetchSessions } from "./fetch_sessions.ts";
import type { KafkaApi } from "./wire/api.ts";

/** The parts of the process that handlers reach. */
export interface KafkaServices {
  readonly broker: BrokerApi;
  readonly clock: Clock;
  /** This node's id. */
  readonly nodeId: NodeId;
  /** Absent: none are given out, and clients ask in full each time. */
  readonly fetchSessions?: FetchSessions;
  /** What the fetches of all connections may bring into memory together. */
  readonly readMemory?: ReadMemory;
  /** Told of every failure that is our bug, so that it reaches the log. */
  readonly onInternalError: (error: SentinelError) => void;
}

/** Something that waits, and answers with what there is when it is told to. */
export interface Cancelable {
  cancel(): void;
}

/** One request's surroundings. */
export interface RequestContext extends KafkaServices {
  readonly apiVersion: number;
  /** Null: the client gave none. */
  readonly clientId: string | null;
  /** Of the memory that the request's byte strings are views of, held while this request is in work; null: not used again. */
  readonly lease: Lease | null;
  /** Releases memory that the answer has views of when the answer has been sent; if it never is, never. */
  releaseWhenSent(lease: Lease): void;
  /** `host:port` of the client. */
  readonly peer: string;
  /** What this connection advertises, for ApiVersions. */
  readonly apis: readonly AdvertisedApi[];
  /** State that lasts as long as the connection. */
  readonly connection: ConnectionState;
  /** Keeps a wait, so that the end of the connection or a stop of the broker ends it; `untrack` when it is over. */
  track(wait: Cancelable): void;
  untrack(wait: Cancelable): void;
}

/** What handlers keep of a connection between its requests. */
export interface ConnectionState {
  /** As ApiVersions v3 told it; empty before. */
  clientSoftwareName: string;
  clientSoftwareVersion: string;
}

/** A row of the ApiVersions answer. */
export interface AdvertisedApi {
  readonly apiKey: number;
  readonly minVersion: number;
  readonly maxVersion: number;
}

/** An answer that is none: the connection ends, as Kafka's does, when what came before is answered. */
export class CloseConnection {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

/** Null: this request has no response (Produce with acks 0). */
export type HandlerAnswer<A> = A | CloseConnection | null;

export interface HandlerOptions<Q, A> {
  /** Called when it is this request's turn on its connection. */
  handle(request: Q, context: RequestContext): HandlerAnswer<A> | Promise<HandlerAnswer<A>>;
  /** The response when `handle` failed as a whole: the error wherever this API has room for it. */
  fail(request: Q, error: ErrorAnswer, context: RequestContext): HandlerAnswer<A>;
  /** Versions that are served; default: all that are declared. */
  readonly versions?: VersionRange;
  /** Versions that ApiVersions says, where they are others. */
  readonly advertised?: VersionRange;
  /**
   * Whether the next request of the connection may begin while this one waits, if it is of the same kind. What it does
   * before its first wait still happens in the order of the requests.
   */
  readonly overlaps?: boolean;
  /**
   * Whether nobody has a view of the request's bytes when it is answered, except those who hold its lease. Default: no,
   * and its memory is not used again.
   */
  readonly leavesBody?: boolean;
}

/** A handler, whatever its messages are. */
export interface KafkaHandler {
  readonly api: KafkaApi;
  readonly versions: VersionRange;
  readonly advertised: VersionRange;
  readonly overlaps: boolean;
  readonly leavesBody: boolean;
  handle(request: object, context: RequestContext): HandlerAnswer<object> | Promise<HandlerAnswer<object>>;
  fail(request: object, error: ErrorAnswer, context: RequestContext): HandlerAnswer<object>;
}

/** Ties a handler to its API; its messages have the API's types. */
export function defineHandler<Q extends AnySchema, A extends AnySchema>(
  api: KafkaApi<Q, A>,
  options: HandlerOptions<MessageValue<Q>, MessageInput<A>>,
): KafkaHandler {
  const versions = options.versions ?? api.request.versions;
  return {
    api,
    versions,
    advertised: options.advertised ?? versions,
    overlaps: options.overlaps ?? false,
    leavesBody: options.leavesBody ?? false,
    // The session gives what this API's own schema has read.
    handle: (request, context) => options.handle(request as MessageValue<Q>, context) as HandlerAnswer<object>,
    fail: (request, error, context) =>
      options.fail(request as MessageValue<Q>, error, context) as HandlerAnswer<object>,
  };
}
