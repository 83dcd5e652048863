import { SentinelError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { BufferPool } from "../bytes/buffer_pool.ts";
import { Lease } from "../bytes/lease.ts";
import type { Connection } from "../platform/network.ts";
import { frameType } from "../protocols/native/wire/frame.ts";
import { FrameDecoder, isFrameFault } from "../protocols/native/wire/frame_decoder.ts";
import { type BudgetShare, ByteBudget } from "./byte_budget.ts";
import { NATIVE_TYPE_MIN } from "../protocols/native/wire/message_types.ts";
import type { Clock } from "../platform/clock.ts";

/** One dialect's side of a connection: a frame's body (what its length counts) in, the reply's slices out. */
export interface ProtocolSession {
  /**
   * Null: this request has no reply. A failure ends the connection: its dialect could not even answer with an error.
   * Called in the order of the frames; what it does before its first wait happens in that order too. `lease`: of the
   * body's memory, held once for this call; released when nobody looks at it any more, or never.
   */
  handle(body: Uint8Array, lease: Lease | null): Promise<readonly Uint8Array[] | null>;
  /** Whether replies must leave in the order of the requests (Kafka), or may overtake each other (native). */
  readonly repliesInOrder?: boolean;
  /** A reply has been sent, to the last byte: nobody looks at its slices any more. One that is not sent is not told. */
  noteSent?(reply: readonly Uint8Array[]): void;
  /** The connection ends or the broker stops: requests that wait for data answer now. */
  endWaits(): void;
}

/** The bounds of one connection; rows of `LIMITS`, smaller in tests. */
export interface ConnectionLimits {
  readonly frameBytesMax: number;
  readonly connectionRequestsInWorkMax: number;
  readonly connectionBytesMax: number;
  readonly connectionWriteStallMsMax: number;
  readonly connectionIdleMsMax: number;
  readonly frameReadMsMax: number;
}

export interface BinaryConnectionOptions {
  readonly clock: Clock;
  readonly limits?: Partial<ConnectionLimits>;
  /** What all connections may hold together; default: no bound but each one's own. */
  readonly budget?: ByteBudget;
  /** Where frames are put together; without one, in memory that is not used again. */
  readonly buffers?: BufferPool;
  /** Makes the sessions at their dialect's first frame. */
  readonly openNativeSession: (peer: string) => ProtocolSession;
  readonly openKafkaSession: (peer: string) => ProtocolSession;
  readonly log: (level: "info" | "warn" | "error", message: string) => void;
}

/** Bytes of one write: how fast a peer takes them is seen only between writes. */
const WRITE_BYTES_MAX = 256 * 1024;

/** A reply that waits to be written. `requestBytes` are held, too, until it is. */
interface QueuedReply {
  readonly session: ProtocolSession;
  readonly slices: readonly Uint8Array[];
  readonly heldBytes: number;
}

/**
 * One client on the binary port, from accept to close. Reads frames, hands each to its dialect's session, writes replies.
 *
 * Back-pressure (design D12, facts Y6, Y7): while the requests in work or the bytes held reach their bound, nothing is
 * read; the socket's buffers fill and the client waits. One frame is always taken, however large. Nothing is dropped.
 */
export class BinaryConnection {
  readonly #connection: Connection;
  readonly #options: BinaryConnectionOptions;
  readonly #limits: ConnectionLimits;
  readonly #decoder: FrameDecoder;
  readonly #share: BudgetShare;
  readonly #replies: QueuedReply[] = [];
  #native: ProtocolSession | null = null;
  #kafka: ProtocolSession | null = null;
  /** The last reply of a session whose replies keep their order. */
  #lastInOrder: Promise<void> = Promise.resolve();

  #requestsInWork = 0;
  #heldBytes = 0;
  #isReading = false;
  #isWriting = false;
  /** No more frames are taken: the peer closed its side, or the broker stops. */
  #isEnding = false;
  #isClosed = false;
  /** A request failed without an answer: those behind it get none either. */
  #hasFault = false;
  #resumeReading: (() => void) | null = null;
  #resolveClosed: () => void = () => {};
  readonly #closed: Promise<void> = new Promise((resolve) => {
    this.#resolveClosed = resolve;
  });

  /** When something last came or went; for the idle bound. */
  #lastActiveMs: number;
  /** When the wait for the rest of a frame began, or −1. */
  #frameWaitStartMs = -1;
  #writeStartMs = -1;

  constructor(connection: Connection, options: BinaryConnectionOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#decoder = new FrameDecoder({
      bodyBytesMax: this.#limits.frameBytesMax,
      ...(options.buffers === undefined ? {} : { buffers: options.buffers }),
    });
    this.#share = (options.budget ?? new ByteBudget(Infinity)).open();
    this.#lastActiveMs = options.clock.monotonicMs();
  }

  /** Whether bytes are being waited for: false while a bound holds the reading up. */
  get isReading(): boolean {
    return this.#isReading;
  }

  get requestsInWork(): number {
    return this.#requestsInWork;
  }

  /** Bytes of requests in work and of replies that the peer has not taken yet. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Serves the connection; done when it is closed. Never fails. */
  async run(): Promise<void> {
    try {
      await this.#readFrames();
    } catch (thrown) {
      // The peer's reset, or our own cut: there is nobody left to answer.
      if (!this.#isClosed) this.#cut(describe(thrown), "info");
      return;
    }
    this.finish();
    await this.#closed;
  }

  /** Takes no more frames; replies to those in work are written, then the connection closes. */
  finish(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#native?.endWaits();
    this.#kafka?.endWaits();
    this.#resumeReading?.();
    this.#share.wake();
    this.#closeIfDone();
  }

  /** Ends the connection now, unsent replies and all. */
  cut(reason: string): void {
    this.#cut(reason, "warn");
  }

  /** Ends the connection when a bound on time has passed. The listener calls it again and again. */
  checkTime(nowMonotonicMs: number): void {
    const { connectionWriteStallMsMax, connectionIdleMsMax, frameReadMsMax } = this.#limits;
    if (this.#writeStartMs >= 0 && nowMonotonicMs - this.#writeStartMs > connectionWriteStallMsMax) {
      this.cut(`it took no byte of its replies for ${connectionWriteStallMsMax} ms`);
    } else if (this.#frameWaitStartMs >= 0 && nowMonotonicMs - this.#frameWaitStartMs > frameReadMsMax) {
      this.cut(`a frame did not arrive whole within ${frameReadMsMax} ms`);
    } else if (this.#isIdle() && nowMonotonicMs - this.#lastActiveMs > connectionIdleMsMax) {
      this.#cut(`it was idle for ${connectionIdleMsMax} ms`, "info");
    }
  }

  #isIdle(): boolean {
    return this.#requestsInWork === 0 && !this.#isWriting && !this.#decoder.isInsideFrame;
  }

  async #readFrames(): Promise<void> {
    while (!this.#isEnding) {
      if (!this.#share.mayRead(this.#decoder.isInsideFrame)) {
        // The time in which we do not read is not the peer's fault.
        this.#frameWaitStartMs = -1;
        await this.#share.untilRoom();
        continue;
      }
      const chunk = await this.#readChunk();
      if (chunk === null || this.#isEnding) return;
      this.#decoder.push(chunk, new Lease(() => this.#connection.recycle(chunk)));
      while (true) {
        const body = this.#decoder.next();
        if (body === null) {
          this.#hold();
          break;
        }
        if (isFrameFault(body)) {
          this.cut(body.fault);
          return;
        }
        this.#frameWaitStartMs = -1;
        this.#start(body, this.#decoder.lease);
        if (this.#isFull()) await this.#untilRoom();
        if (this.#isEnding) return;
      }
    }
  }

  async #readChunk(): Promise<Uint8Array | null> {
    // The time in which we did not read is not the peer's fault.
    if (this.#decoder.isInsideFrame && this.#frameWaitStartMs < 0) {
      this.#frameWaitStartMs = this.#options.clock.monotonicMs();
    }
    this.#isReading = true;
    const chunk = await this.#connection.read();
    this.#isReading = false;
    this.#lastActiveMs = this.#options.clock.monotonicMs();
    return chunk;
  }

  /** Tells the budget what is held now; nothing counts any more once the connection is closed. */
  #hold(): void {
    if (!this.#isClosed) this.#share.hold(this.#heldBytes + this.#decoder.heldBytes);
  }

  #isFull(): boolean {
    return this.#requestsInWork >= this.#limits.connectionRequestsInWorkMax ||
      this.#heldBytes >= this.#limits.connectionBytesMax;
  }

  async #untilRoom(): Promise<void> {
    while (this.#isFull() && !this.#isEnding) {
      await new Promise<void>((resolve) => {
        this.#resumeReading = resolve;
      });
      this.#resumeReading = null;
    }
  }

  /** Hands a frame to its dialect. */
  #start(body: Uint8Array, lease: Lease | null): void {
    const session = this.#sessionFor(frameType(body));
    this.#requestsInWork += 1;
    this.#heldBytes += body.length;
    this.#hold();
    const reply = session.handle(body, lease);
    if (session.repliesInOrder === true) {
      const before = this.#lastInOrder;
      this.#lastInOrder = this.#finishRequest(session, reply, body.length, before);
    } else {
      void this.#finishRequest(session, reply, body.length, null);
    }
  }

  #sessionFor(type: number): ProtocolSession {
    const { openNativeSession, openKafkaSession } = this.#options;
    if (type >= NATIVE_TYPE_MIN) return this.#native ??= openNativeSession(this.#connection.peer);
    return this.#kafka ??= openKafkaSession(this.#connection.peer);
  }

  async #finishRequest(
    session: ProtocolSession,
    reply: Promise<readonly Uint8Array[] | null>,
    requestBytes: number,
    before: Promise<void> | null,
  ): Promise<void> {
    let slices: readonly Uint8Array[] | null = null;
    try {
      slices = await reply;
      if (before !== null) await before;
    } catch (thrown) {
      if (before === null) {
        this.#cut(noAnswer(thrown), "error");
      } else {
        await before;
        this.#endAtFault(thrown);
      }
    }
    this.#requestsInWork -= 1;
    this.#heldBytes -= requestBytes;
    // Behind a request that had no answer, the next answer would be taken for its.
    if (slices !== null && !this.#isClosed && !this.#hasFault) {
      let heldBytes = 0;
      for (const slice of slices) heldBytes += slice.length;
      this.#heldBytes += heldBytes;
      this.#replies.push({ session, slices, heldBytes });
      if (!this.#isWriting) void this.#writeReplies();
    }
    this.#hold();
    this.#resumeReading?.();
    this.#closeIfDone();
  }

  /** A request that cannot be answered: the answers before it still go out, and the connection closes behind them. */
  #endAtFault(thrown: unknown): void {
    if (this.#isClosed || this.#hasFault) return;
    this.#hasFault = true;
    const isOurs = !(thrown instanceof SentinelError) || thrown.code === "internal";
    this.#options.log(
      isOurs ? "error" : "warn",
      `Connection of ${this.#connection.peer} ends: ${noAnswer(thrown)}`,
    );
    this.finish();
  }

  /** One write at a time: all replies that are there, cut at `WRITE_BYTES_MAX`. */
  async #writeReplies(): Promise<void> {
    this.#isWriting = true;
    // Replies that become ready in the same turn of the event loop go out together.
    await undefined;
    try {
      while (this.#replies.length > 0) {
        const replies = this.#replies.splice(0);
        for (const group of groupSlices(replies.flatMap((reply) => reply.slices), WRITE_BYTES_MAX)) {
          this.#writeStartMs = this.#options.clock.monotonicMs();
          await this.#connection.write(group);
        }
        this.#lastActiveMs = this.#options.clock.monotonicMs();
        for (const { session, slices, heldBytes } of replies) {
          this.#heldBytes -= heldBytes;
          session.noteSent?.(slices);
        }
        this.#hold();
        this.#resumeReading?.();
      }
    } catch (thrown) {
      this.#cut(describe(thrown), "info");
    }
    this.#writeStartMs = -1;
    this.#isWriting = false;
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    if (!this.#isEnding || this.#isClosed || this.#requestsInWork > 0 || this.#isWriting) return;
    this.#isClosed = true;
    this.#share.close();
    this.#connection.close();
    this.#resolveClosed();
  }

  #cut(reason: string, level: "info" | "warn" | "error"): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.log(level, `Connection of ${this.#connection.peer} ended: ${reason}`);
    this.#replies.length = 0;
    this.#share.close();
    this.#connection.close({ abort: true });
    this.finish();
    this.#resolveClosed();
  }
}

/** The slices in order, in groups of at most `bytesMax`; a longer slice is cut. */
function* groupSlices(slices: readonly Uint8Array[], bytesMax: number): Generator<Uint8Array[]> {
  let group: Uint8Array[] = [];
  let room = bytesMax;
  for (const slice of slices) {
    let at = 0;
    while (slice.length - at > room) {
      group.push(slice.subarray(at, at + room));
      at += room;
      yield group;
      group = [];
      room = bytesMax;
    }
    if (slice.length > at) group.push(at === 0 ? slice : slice.subarray(at));
    room -= slice.length - at;
  }
  if (group.length > 0) yield group;
}

function noAnswer(thrown: unknown): string {
  return `a request failed without an answer: ${describe(thrown)}`;
}

function describe(thrown: unknown): string {
  if (thrown instanceof SentinelError) return `${thrown.code}: ${thrown.message}`;
  return thrown instanceof Error ? thrown.message : String(thrown);
}
