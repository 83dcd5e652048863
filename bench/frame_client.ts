import { LIMITS } from "../src/base/limits.ts";
import { concatBytes } from "../src/bytes/concat.ts";
import type { Connection, Network } from "../src/platform/network.ts";
import { encodeFrame, frameType } from "../src/protocols/native/wire/frame.ts";
import { FrameDecoder, isFrameFault } from "../src/protocols/native/wire/frame_decoder.ts";
import { ERROR_REPLY, MESSAGE_TYPES, type MessageName } from "../src/protocols/native/wire/message_types.ts";
import { type Payload, writePayload } from "../src/protocols/native/wire/payload.ts";
import type { LoadClient } from "./load.ts";

/** The bytes of a request that are sent again and again. */
export function requestFrame(name: MessageName, payload: Payload): Uint8Array {
  return concatBytes(encodeFrame(MESSAGE_TYPES[name], 1, writePayload(payload)));
}

interface FrameClientOptions {
  readonly network: Network;
  readonly port: number;
  /** Sent one after the other, over and over. */
  readonly frames: readonly Uint8Array[];
  readonly inFlight: number;
}

/**
 * One connection with several requests in flight. Replies carry no news for it: one is as good as another, so it only
 * counts them, and an `exchange` ends with the next reply. It costs less than the servers that it measures.
 */
export class FrameLoadClient {
  readonly #connection: Connection;
  readonly #frames: readonly Uint8Array[];
  readonly #decoder = new FrameDecoder({ bodyBytesMax: LIMITS.frameBytesMax });
  readonly #waiting: { resolve: () => void; reject: (reason: unknown) => void }[] = [];
  #unsent: Uint8Array[] = [];
  #isWriting = false;
  #nextFrame = 0;
  #isClosed = false;

  private constructor(connection: Connection, frames: readonly Uint8Array[]) {
    this.#connection = connection;
    this.#frames = frames;
    void this.#readReplies();
  }

  /** Clients for `runLoad`, one for each request in flight, over one connection. */
  static async open({ network, port, frames, inFlight }: FrameClientOptions): Promise<LoadClient[]> {
    const client = new FrameLoadClient(await network.connect({ host: "127.0.0.1", port }), frames);
    return Array.from({ length: inFlight }, () => ({
      exchange: () => client.#exchange(),
      close: () => client.#close(),
    }));
  }

  #exchange(): Promise<void> {
    this.#unsent.push(this.#frames[this.#nextFrame]!);
    this.#nextFrame = (this.#nextFrame + 1) % this.#frames.length;
    if (!this.#isWriting) void this.#write();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.close();
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
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
      while (!this.#isClosed) {
        const chunk = await this.#connection.read();
        if (chunk === null) throw new Error("The server closed the connection");
        this.#decoder.push(chunk);
        for (let body = this.#decoder.next(); body !== null; body = this.#decoder.next()) {
          if (isFrameFault(body)) throw new Error(body.fault);
          if (frameType(body) === ERROR_REPLY) throw new Error(`An error reply: ${new TextDecoder().decode(body)}`);
          this.#waiting.shift()?.resolve();
        }
      }
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #fail(thrown: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.close();
    for (const waiting of this.#waiting.splice(0)) waiting.reject(thrown);
  }
}

/** One request on a connection of its own; the whole reply frame. */
export async function askFrame(network: Network, port: number, frame: Uint8Array): Promise<Uint8Array> {
  const connection = await network.connect({ host: "127.0.0.1", port });
  const decoder = new FrameDecoder({ bodyBytesMax: LIMITS.frameBytesMax });
  try {
    await connection.write([frame]);
    while (true) {
      const chunk = await connection.read();
      if (chunk === null) throw new Error("The server closed the connection");
      decoder.push(chunk);
      const body = decoder.next();
      if (body === null) continue;
      if (isFrameFault(body)) throw new Error(body.fault);
      if (frameType(body) === ERROR_REPLY) throw new Error(`An error reply: ${new TextDecoder().decode(body)}`);
      const whole = new Uint8Array(4 + body.length);
      new DataView(whole.buffer).setUint32(0, body.length);
      whole.set(body, 4);
      return whole;
    }
  } finally {
    connection.close();
  }
}
