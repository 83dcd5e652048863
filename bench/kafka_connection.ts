import type { Connection, Network } from "../src/platform/network.ts";

/**
 * One connection that speaks Kafka's framing: requests go out as they come, answers come back in their order. It looks
 * into no answer, so that it costs less than the brokers that it measures.
 */
export class KafkaConnection {
  readonly #connection: Connection;
  readonly #waiting: { resolve: (answer: Uint8Array) => void; reject: (reason: unknown) => void }[] = [];
  #unsent: Uint8Array[] = [];
  #isWriting = false;
  #isClosed = false;

  private constructor(connection: Connection) {
    this.#connection = connection;
    void this.#readAnswers();
  }

  static async open(network: Network, port: number): Promise<KafkaConnection> {
    return new KafkaConnection(await network.connect({ host: "127.0.0.1", port }));
  }

  /** The answer's body from the correlation id on. */
  ask(frame: Uint8Array): Promise<Uint8Array> {
    this.#unsent.push(frame);
    if (!this.#isWriting) void this.#write();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  close(): void {
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

  async #readAnswers(): Promise<void> {
    const pieces = new Pieces();
    try {
      while (!this.#isClosed) {
        const chunk = await this.#connection.read();
        if (chunk === null) throw new Error("The broker closed the connection");
        pieces.push(chunk);
        for (let frame = pieces.takeFrame(); frame !== null; frame = pieces.takeFrame()) {
          this.#waiting.shift()?.resolve(frame);
        }
      }
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #fail(thrown: unknown): void {
    if (this.#isClosed) return;
    this.close();
    for (const waiting of this.#waiting.splice(0)) waiting.reject(thrown);
  }
}

/** What has arrived, cut into frames by their four bytes of length. */
class Pieces {
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** The next whole frame without its length, or null. */
  takeFrame(): Uint8Array | null {
    if (this.#bytes < 4) return null;
    const first = this.#chunks[0]!;
    const length = viewOf(first.length >= 4 ? first : this.#joined()).getInt32(0);
    if (this.#bytes < 4 + length) return null;
    const all = this.#joined();
    this.#chunks = all.length === 4 + length ? [] : [all.subarray(4 + length)];
    this.#bytes -= 4 + length;
    return all.subarray(4, 4 + length);
  }

  #joined(): Uint8Array {
    if (this.#chunks.length > 1) {
      const all = new Uint8Array(this.#bytes);
      let at = 0;
      for (const chunk of this.#chunks) {
        all.set(chunk, at);
        at += chunk.length;
      }
      this.#chunks = [all];
    }
    return this.#chunks[0]!;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
