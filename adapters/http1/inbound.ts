import type { Connection } from "../../src/platform/network.ts";

/** Bytes that have come on a connection and that no request has taken yet. */
export class Inbound {
  /** Never changed in place: views of it may be with a handler. */
  bytes: Uint8Array = new Uint8Array(0);
  readonly #connection: Connection;
  #reading: Promise<boolean> | null = null;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Waits for more bytes; false when the peer has ended its side. May be called while another call waits. */
  more(): Promise<boolean> {
    this.#reading ??= this.#read();
    return this.#reading;
  }

  /** The first `count` bytes, which are there. */
  take(count: number): Uint8Array {
    const taken = this.bytes.subarray(0, count);
    this.bytes = this.bytes.subarray(count);
    return taken;
  }

  async #read(): Promise<boolean> {
    try {
      const chunk = await this.#connection.read();
      if (chunk === null) return false;
      if (this.bytes.length === 0) {
        this.bytes = chunk;
      } else {
        const joined = new Uint8Array(this.bytes.length + chunk.length);
        joined.set(this.bytes);
        joined.set(chunk, this.bytes.length);
        this.bytes = joined;
      }
      return true;
    } finally {
      this.#reading = null;
    }
  }
}
