/**
 * The one error table. Every protocol answers from it: HTTP takes the status, Kafka the number, native frames the code.
 *
 * Three failures have three forms. Our own bug is an `AssertionError`. The world's fault or a caller's is a
 * `SentinelError` with a code from this table. An answer that is expected (a batch that does not parse, a flag that is
 * out of range) is a returned value.
 */

/** One row: what each protocol makes of the code. */
export interface ErrorRow {
  readonly httpStatus: number;
  /** Kafka's error number (protocol.md §20), or null where Kafka has no such error. */
  readonly kafkaError: number | null;
  /** Kafka's own mark: whether the same request may succeed when it is sent again. */
  readonly retryable: boolean;
  readonly title: string;
}

const row = (httpStatus: number, kafkaError: number | null, retryable: boolean, title: string): ErrorRow => ({
  httpStatus,
  kafkaError,
  retryable,
  title,
});

/** Codes are append-only: clients switch on them. */
export const ERRORS = {
  invalid_request: row(400, 42, false, "The request cannot be read"),
  unauthenticated: row(401, 58, false, "Credentials are missing or wrong"),
  forbidden_topic: row(403, 29, false, "Not allowed on this topic"),
  forbidden_group: row(403, 30, false, "Not allowed on this group"),
  forbidden_cluster: row(403, 31, false, "Not allowed on this cluster"),
  forbidden_origin: row(403, null, false, "Requests from this web origin are not allowed"),
  unknown_topic: row(404, 3, true, "The topic does not exist"),
  unknown_partition: row(404, 3, true, "The partition does not exist"),
  unknown_route: row(404, null, false, "There is no such resource"),
  method_not_allowed: row(405, null, false, "The resource does not have this method"),
  topic_exists: row(409, 36, false, "The topic exists"),
  topic_id_mismatch: row(409, 103, true, "The topic was deleted and made again"),
  request_in_flight: row(409, 51, true, "The same request is still being worked on"),
  lease_fenced: row(409, 22, false, "The lease is no longer valid"),
  offset_mismatch: row(412, null, false, "The partition's next offset is another"),
  too_large: row(413, 10, false, "The request or a record is too large"),
  unsupported_media_type: row(415, null, false, "The content type or encoding is not supported"),
  offset_out_of_range: row(416, 1, false, "The offset is outside the partition"),
  misdirected: row(421, null, false, "This broker does not answer for this host name"),
  invalid_record: row(422, 87, false, "A record is not valid"),
  invalid_parameter: row(422, 42, false, "A parameter is not valid"),
  invalid_topic: row(422, 17, false, "The topic name is not valid"),
  invalid_config: row(422, 40, false, "A setting is not valid"),
  invalid_partitions: row(422, 37, false, "The number of partitions is not valid"),
  invalid_replication_factor: row(422, 38, false, "The number of replicas is not valid"),
  invalid_timestamp: row(422, 32, false, "A timestamp is out of range"),
  corrupt_batch: row(422, 2, true, "A record batch is damaged"),
  idempotency_mismatch: row(422, null, false, "The idempotency key was used with another body"),
  overloaded: row(429, 89, true, "The broker has no room for more work"),
  internal: row(500, -1, false, "The broker failed; this is its bug"),
  not_leader: row(503, 6, true, "Another node leads this partition"),
  not_enough_replicas: row(503, 19, true, "Too few replicas are in sync"),
  storage_error: row(503, 56, true, "The storage of this partition is not available"),
  shutting_down: row(503, 8, true, "The broker is stopping"),
  timed_out: row(504, 7, true, "The request took too long"),
  unsupported_version: row(400, 35, false, "The version or message type is not supported"),
  out_of_order_sequence: row(409, 45, false, "A producer's sequence is not the next one"),
  invalid_producer_epoch: row(409, 47, false, "A newer instance of the producer has taken over"),
  forbidden_transactional_id: row(403, 53, false, "Not allowed to use this transactional id"),
  coordinator_loading: row(503, 14, true, "The group's coordinator is still reading its log"),
  coordinator_unavailable: row(503, 15, true, "The group's coordinator is not available"),
  not_coordinator: row(503, 16, true, "This node does not coordinate the group"),
  offset_metadata_too_large: row(413, 12, false, "The metadata of a committed offset is too large"),
  illegal_generation: row(409, 22, false, "The group is in another generation"),
  inconsistent_group_protocol: row(409, 23, false, "The member shares no protocol with the group"),
  invalid_group_id: row(422, 24, false, "The group id is not valid"),
  unknown_member: row(409, 25, false, "The group has no such member"),
  invalid_session_timeout: row(422, 26, false, "The session time-out is out of range"),
  rebalance_in_progress: row(409, 27, false, "The group is rebalancing"),
  group_not_empty: row(409, 68, false, "The group has members"),
  unknown_group: row(404, 69, false, "The group does not exist"),
  member_id_required: row(409, 79, false, "The member must join with the id that it was given"),
  group_full: row(409, 81, false, "The group has as many members as it may have"),
  member_fenced: row(409, 82, false, "Another member has this instance id"),
  group_subscribed: row(409, 86, false, "The group is subscribed to the topic"),
  fenced_leader_epoch: row(409, 74, true, "The caller knows an older leader of this partition"),
  unknown_leader_epoch: row(503, 75, true, "The caller knows a newer leader of this partition"),
  key_not_found: row(404, null, false, "The topic has no record with this key"),
  topic_not_compacted: row(409, null, false, "Only the records of a compacted topic can be found by key"),
  key_index_behind: row(503, null, true, "The index of keys has not reached the partition's end"),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

/** One fault inside a request: where (a JSON pointer, RFC 6901) and what. */
export interface FieldFault {
  readonly pointer: string;
  readonly detail: string;
}

/** What an error carries besides its code and its text. */
export interface ErrorExtras {
  /** Faults inside the request, one for each bad place. */
  readonly errors?: readonly FieldFault[];
  /** Facts that help the caller to go on, sent as members of the problem (`tail`, `earliest`, `limit`). */
  readonly facts?: Readonly<Record<string, number | string>>;
  readonly cause?: unknown;
}

/**
 * A fault that is not our bug: a caller's, or the world's. `detail` names the value and the limit, and is safe to show
 * to the caller: no path outside the data directory, no stack.
 */
export class SentinelError extends Error {
  override readonly name = "SentinelError";
  readonly code: ErrorCode;
  readonly errors: readonly FieldFault[];
  readonly facts: Readonly<Record<string, number | string>>;

  constructor(code: ErrorCode, detail: string, extras: ErrorExtras = {}) {
    super(detail, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.code = code;
    this.errors = extras.errors ?? [];
    this.facts = extras.facts ?? {};
  }

  get row(): ErrorRow {
    return ERRORS[this.code];
  }
}

/**
 * Any thrown value as a `SentinelError`. What the machine could not do is a `storage_error`: the callers of this have
 * disks behind them, and answer on networks. Anything else is our bug, and its text stays inside.
 */
export function asSentinelError(thrown: unknown): SentinelError {
  if (thrown instanceof SentinelError) return thrown;
  if (thrown instanceof PlatformError) return new SentinelError("storage_error", thrown.message, { cause: thrown });
  return new SentinelError("internal", "The broker failed while it worked on the request", { cause: thrown });
}

/**
 * What the machine can answer instead of doing the work. Adapters map their runtime's errors to these codes (Bun and
 * Deno name the same failure differently, and Deno leaves some without a code); nothing else in `src/` looks at a
 * runtime's error.
 */
export type PlatformErrorCode =
  | "not_found"
  | "already_exists"
  | "no_space" // ENOSPC, EDQUOT, EFBIG: works again when there is room
  | "io" // EIO and everything that has no better name
  | "too_many_open_files"
  | "permission_denied"
  | "not_a_directory"
  | "directory_not_empty"
  | "locked"
  | "closed"
  | "address_in_use"
  | "address_not_available"
  | "connection_refused"
  | "connection_reset"
  | "name_not_found"
  | "timed_out";

/** A failure of disk, network or time. `operation` and `subject` (a path, an address) say what was tried. */
export class PlatformError extends Error {
  override readonly name = "PlatformError";
  readonly code: PlatformErrorCode;

  constructor(
    code: PlatformErrorCode,
    operation: string,
    subject: string,
    extras: { cause?: unknown; detail?: string } = {},
  ) {
    super(
      `Cannot ${operation} ${subject}: ${code.replaceAll("_", " ")}${
        extras.detail === undefined ? "" : ` (${extras.detail})`
      }`,
      extras.cause === undefined ? undefined : { cause: extras.cause },
    );
    this.code = code;
  }
}

/** Whether `thrown` is the platform's answer with this code. */
export function isPlatformError(thrown: unknown, code: PlatformErrorCode): thrown is PlatformError {
  return thrown instanceof PlatformError && thrown.code === code;
}
