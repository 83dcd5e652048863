/** One connection to a broker, on which requests go out as bytes and answers come back as bytes. */
import { createConnection } from "node:net";
import type { Socket } from "node:net";
import { type ApiDefinition, decodeMessage, encodeMessage, isFlexible, type Message } from "./message_definitions.ts";

/** The broker closed the connection in place of an answer. */
export const CLOSED = "connection closed";
/** The broker said nothing for `ANSWER_MS`. */
export const SILENCE = "no answer";
const ANSWER_MS = 10_000;
const API_VERSIONS = 18;

export class RawConnection {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #ended = false;
  #wake: () => void = () => {};
  #correlationId = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#wake();
    });
    const end = (): void => {
      this.#ended = true;
      this.#wake();
    };
    socket.on("close", end);
    socket.on("error", end);
  }

  static async open(host: string, port: number): Promise<RawConnection> {
    const socket = createConnection({ host, port });
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return new RawConnection(socket);
  }

  get isOpen(): boolean {
    return !this.#ended;
  }

  close(): void {
    this.#socket.destroy();
  }

  /** One request and its answer. `body`: the message, or its bytes. */
  async call(api: ApiDefinition, version: number, body: Message | Uint8Array): Promise<Message | string> {
    const bytes = body instanceof Uint8Array ? body : encodeMessage(api.request, version, body);
    const correlationId = this.#correlationId++;
    const flexible = isFlexible(api.request, version);
    const frame = await this.exchange(header(api.request.apiKey, version, correlationId, flexible), bytes);
    if (typeof frame === "string") return frame;
    if (frame.readInt32BE(0) !== correlationId) return `correlation id ${frame.readInt32BE(0)}, not ${correlationId}`;
    const hasTags = isFlexible(api.response, version) && api.request.apiKey !== API_VERSIONS;
    if (hasTags && frame[4] !== 0) return "the response header has tagged fields";
    return decodeMessage(api.response, version, frame.subarray(hasTags ? 5 : 4));
  }

  /** One request that may be none: any key, any version, any bytes. Its answer unread, or what became of the connection. */
  async callRaw(apiKey: number, version: number, flexible: boolean, body: Uint8Array): Promise<Buffer | string> {
    return await this.exchange(header(apiKey, version, this.#correlationId++, flexible), body);
  }

  /** Sends one frame of these parts; the frame that comes back without its length, or `CLOSED`, or `SILENCE`. */
  async exchange(...parts: readonly Uint8Array[]): Promise<Buffer | string> {
    const payload = Buffer.concat(parts);
    const size = Buffer.alloc(4);
    size.writeInt32BE(payload.length);
    this.#socket.write(Buffer.concat([size, payload]));
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      this.#wake();
    }, ANSWER_MS);
    try {
      while (true) {
        const frame = this.#takeFrame();
        if (frame !== null) return frame;
        if (this.#ended) return CLOSED;
        if (timedOut) return SILENCE;
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #takeFrame(): Buffer | null {
    if (this.#received.length < 4) return null;
    const size = this.#received.readInt32BE(0);
    if (this.#received.length < 4 + size) return null;
    const frame = Buffer.from(this.#received.subarray(4, 4 + size));
    this.#received = this.#received.subarray(4 + size);
    return frame;
  }
}

function header(apiKey: number, version: number, correlationId: number, flexible: boolean): Uint8Array {
  const clientId = Buffer.from("differential");
  const head = Buffer.alloc(10);
  head.writeInt16BE(apiKey, 0);
  head.writeInt16BE(version, 2);
  head.writeInt32BE(correlationId, 4);
  head.writeInt16BE(clientId.length, 8);
  return Buffer.concat([head, clientId, Buffer.alloc(flexible ? 1 : 0)]);
}
