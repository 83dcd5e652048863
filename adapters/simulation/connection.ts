/**
 * A byte stream of the simulated network: it is cut into segments at any byte, each arrives after its own delay and in
 * order, and a reader may get several at once. What is sent and not yet read is bounded, which holds the writer back.
 */
import { assert } from "../../src/base/assert.ts";
import { PlatformError } from "../../src/base/errors.ts";
import { SPOILED } from "../../src/bytes/buffer_pool.ts";
import { crc32c } from "../../src/bytes/crc32c.ts";
import type { Address, Connection } from "../../src/platform/network.ts";
import type { SimulatedNetworks } from "./network.ts";

/** Bytes between a writer and the reader: socket buffers of both sides. */
const WINDOW_BYTES = 256 * 1024;
const READ_BYTES_MAX = 64 * 1024;

interface Pending<Value> {
  readonly resolve: (value: Value) => void;
  readonly reject: (reason: PlatformError) => void;
}

/** What travels: bytes, the end of the stream, or the news that it is broken. */
type Segment = Uint8Array | "end" | "reset";

/** Both ends of a new connection. */
export function connectPair(
  networks: SimulatedNetworks,
  addresses: { readonly client: Address; readonly server: Address },
): [SimulatedConnection, SimulatedConnection] {
  const client = new SimulatedConnection(networks, addresses.client, addresses.server);
  const server = new SimulatedConnection(networks, addresses.server, addresses.client);
  client.join(server);
  server.join(client);
  return [client, server];
}

export class SimulatedConnection implements Connection {
  readonly peer: string;
  readonly #networks: SimulatedNetworks;
  readonly #from: string;
  readonly #to: string;
  #other: SimulatedConnection | null = null;
  // Sending.
  #unsent: Uint8Array[] = [];
  #windowBytes = 0;
  #writer: Pending<void> | null = null;
  #inFlight: Segment[] = [];
  /** Segments whose time has come while the link stood still. */
  #owed = 0;
  #lastArrivalUs = 0;
  // Receiving.
  #arrived: Uint8Array[] = [];
  #reader: Pending<Uint8Array | null> | null = null;
  #hasEnded = false;
  #failure: PlatformError | null = null;
  #isClosed = false;
  #isDead = false;

  constructor(networks: SimulatedNetworks, from: Address, to: Address) {
    this.#networks = networks;
    this.#from = from.host;
    this.#to = to.host;
    this.peer = `${to.host}:${to.port}`;
  }

  join(other: SimulatedConnection): void {
    this.#other = other;
  }

  isBetween(one: string, other: string): boolean {
    return (this.#from === one && this.#to === other) || (this.#from === other && this.#to === one);
  }

  // -- The contract of Connection -----------------------------------------------------------------------------------

  read(): Promise<Uint8Array | null> {
    assert(this.#reader === null, "One read at a time");
    if (this.#isClosed) return Promise.reject(new PlatformError("closed", "read from", this.peer));
    if (this.#arrived.length > 0) return Promise.resolve(this.#take());
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#hasEnded) return Promise.resolve(null);
    return new Promise((resolve, reject) => this.#reader = { resolve, reject });
  }

  recycle(chunk: Uint8Array): void {
    chunk.fill(SPOILED);
  }

  write(slices: readonly Uint8Array[]): Promise<void> {
    assert(this.#writer === null, "One write at a time");
    if (this.#isClosed) return Promise.reject(new PlatformError("closed", "write to", this.peer));
    if (this.#failure !== null) return Promise.reject(this.#failure);
    this.#unsent = slices.filter((slice) => slice.length > 0);
    return new Promise((resolve, reject) => {
      this.#writer = { resolve, reject };
      this.#send();
    });
  }

  close(options: { abort?: boolean } = {}): void {
    if (this.#isClosed || this.#isDead) return;
    this.#isClosed = true;
    // A write that still waits has not reached the other side as a whole: its stream must not end as if it had.
    this.#depart(options.abort === true || this.#unsent.length > 0 ? "reset" : "end", this.#networks.delayUs());
    this.#stop(new PlatformError("closed", "use", this.peer));
  }

  // -- What the world does to it ------------------------------------------------------------------------------------

  /** The connection breaks: this side hears of it after `delayUs`. */
  lose(delayUs: number): void {
    this.#networks.scheduler.after(delayUs, "connection lost", () => this.#fail());
  }

  /** The process of this side is dead: nothing here is answered any more, the other side hears of it after `noticeUs`. */
  die(noticeUs: number): void {
    this.#isDead = true;
    this.#reader = this.#writer = null;
    this.#unsent = [];
    this.#depart("reset", noticeUs);
    this.#networks.forget(this);
  }

  /** The link from `from` to `to` works again. */
  resume(from: string, to: string): void {
    if (this.#from !== from || this.#to !== to) return;
    for (; this.#owed > 0; this.#owed--) this.#scheduleArrival(this.#networks.delayUs(), 0);
  }

  // -- Sending ------------------------------------------------------------------------------------------------------

  #send(): void {
    const { random, timing } = this.#networks;
    while (this.#unsent.length > 0) {
      const slice = this.#unsent[0]!;
      const bytesMax = Math.min(slice.length, READ_BYTES_MAX);
      // Waiting for room for a whole segment: filling every small gap would end in segments of a few bytes.
      if (this.#windowBytes + bytesMax > WINDOW_BYTES) return;
      const length = random.chance(1, 2) ? bytesMax : Math.min(bytesMax, 1 + random.below(timing.segmentBytesMax));
      if (length === slice.length) this.#unsent.shift();
      else this.#unsent[0] = slice.subarray(length);
      this.#windowBytes += length;
      this.#depart(slice.slice(0, length), this.#networks.delayUs());
    }
    const writer = this.#writer;
    this.#writer = null;
    writer?.resolve();
  }

  #depart(segment: Segment, delayUs: number): void {
    this.#inFlight.push(segment);
    this.#scheduleArrival(delayUs, typeof segment === "string" ? segment.length : crc32c(segment));
  }

  /** Something arrives: whatever is first then, so that no delay changes the order. */
  #scheduleArrival(delayUs: number, payload: number): void {
    const { scheduler } = this.#networks;
    this.#lastArrivalUs = Math.max(this.#lastArrivalUs, scheduler.nowUs + delayUs);
    scheduler.after(this.#lastArrivalUs - scheduler.nowUs, "segment", () => this.#arrive(), payload);
  }

  #arrive(): void {
    if (this.#networks.isBlocked(this.#from, this.#to)) {
      this.#owed += 1;
      return;
    }
    const segment = this.#inFlight.shift();
    if (segment !== undefined) this.#other!.#receive(segment);
  }

  // -- Receiving ----------------------------------------------------------------------------------------------------

  #receive(segment: Segment): void {
    if (segment === "reset") {
      this.#fail();
      return;
    }
    if (this.#isClosed || this.#isDead || this.#failure !== null) {
      // Bytes for somebody who is gone are answered with a reset.
      if (segment !== "end") this.#depart("reset", this.#networks.delayUs());
      return;
    }
    if (segment === "end") this.#hasEnded = true;
    else this.#arrived.push(segment);
    const reader = this.#reader;
    if (reader === null) return;
    this.#reader = null;
    reader.resolve(segment === "end" ? null : this.#take());
  }

  /** The next chunk, often with what came right behind it. */
  #take(): Uint8Array {
    const chunks = [this.#arrived.shift()!];
    let bytes = chunks[0]!.length;
    if (this.#networks.random.chance(1, 2)) {
      while (this.#arrived.length > 0 && bytes + this.#arrived[0]!.length <= READ_BYTES_MAX) {
        chunks.push(this.#arrived.shift()!);
        bytes += chunks.at(-1)!.length;
      }
    }
    const chunk = new Uint8Array(bytes);
    let at = 0;
    for (const part of chunks) {
      chunk.set(part, at);
      at += part.length;
    }
    this.#other!.#acknowledge(bytes);
    return chunk;
  }

  #acknowledge(bytes: number): void {
    this.#windowBytes -= bytes;
    if (this.#writer !== null) this.#send();
  }

  // -- The end ------------------------------------------------------------------------------------------------------

  #fail(): void {
    if (this.#isClosed || this.#isDead || this.#failure !== null) return;
    this.#failure = new PlatformError("connection_reset", "use", this.peer);
    // Bytes that had arrived may be lost with the connection.
    if (this.#networks.random.chance(1, 2)) this.#arrived = [];
    this.#stop(this.#failure);
  }

  #stop(reason: PlatformError): void {
    const reader = this.#reader;
    const writer = this.#writer;
    this.#reader = this.#writer = null;
    this.#unsent = [];
    reader?.reject(reason);
    writer?.reject(reason);
    this.#networks.hostOf(this.#from)?.disown(this);
    // A side that has ended keeps its place for as long as what it has sent is under way.
    if (this.#inFlight.length === 0) this.#networks.forget(this);
  }
}
