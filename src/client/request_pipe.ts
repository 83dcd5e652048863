import { ERRORS, PlatformError, SentinelError } from "../base/errors.ts";
import type { ErrorCode } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Cancel, Clock } from "../platform/clock.ts";
import type { Connection } from "../platform/network.ts";
import { BODY_HEADER_BYTES, encodeFrame, type Frame, readFrame } from "../protocols/native/wire/frame.ts";
import { FrameDecoder, isFrameFault } from "../protocols/native/wire/frame_decoder.ts";
import { ERROR_REPLY, formatMessageType, REPLY_STEP } from "../protocols/native/wire/message_types.ts";
import { readPayload } from "../protocols/native/wire/payload.ts";
import { errorReply } from "../protocols/native/wire/replies.ts";

interface PendingRequest {
  readonly type: number;
  readonly resolve: (payload: Uint8Array) => void;
  readonly reject: (reason: unknown) => void;
  readonly cancelTimeout: Cancel;
}

/**
 * Requests and replies over one connection: many may be under way, each reply finds its request by the correlation id
 * (facts Y3). When the connection fails, every request under way fails with it, and so does every later one.
 */
export class RequestPipe {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #pending: Map<number, PendingRequest> = new Map();
  readonly #decoder: FrameDecoder = new FrameDecoder({ bodyBytesMax: LIMITS.frameBytesMax });
  #unsent: Uint8Array[] = [];
  #isWriting = false;
  #nextCorrelationId = 1;
  #failure: Error | null = null;

  constructor(connection: Connection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
    void this.#readReplies();
  }

  /** Requests that have no reply yet. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /**
   * Sends a request; the reply's payload. Fails with the error that the broker answered, with `timed_out` after
   * `timeoutMs`, or with the connection's `PlatformError`.
   */
  request(type: number, payload: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    const payloadBytesMax = LIMITS.frameBytesMax - BODY_HEADER_BYTES;
    if (payload.length > payloadBytesMax) {
      const detail = `a request of ${payload.length} bytes is above the limit of ${payloadBytesMax}`;
      return Promise.reject(new SentinelError("too_large", detail));
    }
    const correlationId = this.#nextCorrelationId;
    this.#nextCorrelationId = (correlationId + 1) >>> 0;
    return new Promise((resolve, reject) => {
      const cancelTimeout = this.#clock.after(timeoutMs, () => {
        this.#pending.delete(correlationId);
        reject(new SentinelError("timed_out", `${this.#connection.peer} did not answer within ${timeoutMs} ms`));
      });
      this.#pending.set(correlationId, { type, resolve, reject, cancelTimeout });
      this.#unsent.push(...encodeFrame(type, correlationId, payload));
      if (!this.#isWriting) void this.#write();
    });
  }

  close(): void {
    this.#fail(new PlatformError("closed", "use the connection to", this.#connection.peer));
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    // Requests that are made in the same turn of the event loop go out together.
    await undefined;
    try {
      while (this.#unsent.length > 0) {
        const slices = this.#unsent;
        this.#unsent = [];
        await this.#connection.write(slices);
      }
    } catch (thrown) {
      this.#fail(thrown);
    }
    this.#isWriting = false;
  }

  async #readReplies(): Promise<void> {
    try {
      while (this.#failure === null) {
        const chunk = await this.#connection.read();
        if (chunk === null) {
          this.#fail(
            new PlatformError("connection_reset", "read from", this.#connection.peer, {
              detail: "the broker closed the connection",
            }),
          );
          return;
        }
        this.#decoder.push(chunk);
        this.#takeFrames();
      }
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #takeFrames(): void {
    while (true) {
      const body = this.#decoder.next();
      if (body === null) return;
      if (isFrameFault(body)) {
        throw new PlatformError("connection_reset", "read from", this.#connection.peer, { detail: body.fault });
      }
      this.#settle(readFrame(body));
    }
  }

  #settle({ type, correlationId, payload }: Frame): void {
    const request = this.#pending.get(correlationId);
    // A reply that comes after its time-out.
    if (request === undefined) return;
    this.#pending.delete(correlationId);
    request.cancelTimeout();
    if (type === request.type + REPLY_STEP) {
      request.resolve(payload);
    } else if (type === ERROR_REPLY) {
      request.reject(readErrorReply(payload));
    } else {
      request.reject(new SentinelError("unsupported_version", `reply of type ${formatMessageType(type)} is not known`));
    }
  }

  #fail(reason: unknown): void {
    if (this.#failure !== null) return;
    this.#failure = reason instanceof Error ? reason : new PlatformError("io", "use", this.#connection.peer);
    this.#connection.close();
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const request of pending) {
      request.cancelTimeout();
      request.reject(this.#failure);
    }
  }
}

/** The broker's error as ours. A code that this version does not know keeps its name in the text. */
function readErrorReply(payload: Uint8Array): SentinelError {
  try {
    const { code, message, errors, facts } = readPayload(payload, errorReply);
    if (!isErrorCode(code)) return new SentinelError("internal", `${code}: ${message}`);
    return new SentinelError(code, message, {
      ...(errors === undefined ? {} : { errors }),
      ...(facts === undefined ? {} : { facts }),
    });
  } catch (thrown) {
    return new SentinelError("internal", "The broker's error cannot be read", { cause: thrown });
  }
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}
