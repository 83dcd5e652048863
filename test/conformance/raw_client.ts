/** A peer that sends any bytes to an HTTP server: a library would not send most of what the suites need. */
import assert from "node:assert/strict";
import * as net from "node:net";

/** A client that sends what it is told and keeps what comes. */
export class RawClient {
  text = "";
  isClosed = false;
  readonly connected: Promise<void>;
  readonly closed: Promise<void>;
  readonly #socket: net.Socket;
  #onText: (() => void) | null = null;

  constructor(port: number) {
    this.#socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("data", (chunk) => {
      this.text += chunk.toString("latin1");
      this.#onText?.();
    });
    this.#socket.on("error", () => {});
    this.connected = new Promise((resolve) => this.#socket.on("connect", resolve));
    this.closed = new Promise((resolve) =>
      this.#socket.on("close", () => {
        this.isClosed = true;
        this.#onText?.();
        resolve();
      })
    );
  }

  send(text: string | Uint8Array): void {
    this.#socket.write(text);
  }

  /** Sends as fast as the server takes it, until all is sent or the connection has ended. */
  async sendMany(chunk: Uint8Array, count: number): Promise<number> {
    for (let sent = 0; sent < count; sent++) {
      if (this.isClosed) return sent;
      if (!this.#socket.write(chunk)) {
        await Promise.race([new Promise((resolve) => this.#socket.once("drain", resolve)), this.closed]);
      }
    }
    return count;
  }

  /** Waits until `wanted` has come; fails when the connection ends before. */
  async until(wanted: string, times = 1): Promise<void> {
    while (this.text.split(wanted).length <= times) {
      assert.ok(
        !this.isClosed,
        `the connection ended, wanted ${JSON.stringify(wanted)}, got ${JSON.stringify(this.text)}`,
      );
      await new Promise<void>((resolve) => this.#onText = resolve);
    }
  }

  /** Waits until `chars` have come in all, or `atMost` if that is less, or the connection has ended. */
  async untilChars(chars: number, atMost: number): Promise<void> {
    while (this.text.length < Math.min(chars, atMost) && !this.isClosed) {
      await new Promise<void>((resolve) => this.#onText = resolve);
    }
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.destroy();
  }

  get status(): number {
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(this.text)?.[1] ?? 0);
  }
}

export const GET = "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n";
export const postHead = (headers: string): string => `POST /b HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n\r\n`;
