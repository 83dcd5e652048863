/**
 * Bun's sockets. They push: bytes come by callback and a write takes what fits. A connection turns that into pulls: the
 * socket is paused as soon as bytes lie here unread, and a write waits for `drain` until all is taken.
 */
import type { Socket, SocketHandler } from "bun";
import { assert } from "../../src/base/assert.ts";
import { LIMITS } from "../../src/base/limits.ts";
import { PlatformError } from "../../src/base/errors.ts";
import type { Address, Connection, Listener, Network } from "../../src/platform/network.ts";
import { formatAddress } from "../node/address.ts";
import { platformError } from "../node/errors.ts";
import { gatherSlices } from "../node/gather.ts";

/**
 * Bun's own receive buffer is as large, so a chunk is mostly given out as it came: in pieces of 64 KiB, native frames of
 * 107 KB were all put together again, at a fifth of what they cost (measured).
 */
const READ_BYTES_MAX = LIMITS.connectionReadBytesMax;

/** Below it, giving memory back costs more than leaving it to the collector. */
const RECYCLED_BYTES_MIN = 16 * 1024;

interface Pending<Value> {
  resolve(value: Value): void;
  reject(reason: PlatformError): void;
}

class BunConnection implements Connection {
  readonly peer: string;
  readonly #socket: Socket<ConnectionSlot>;
  readonly #chunks: Uint8Array[] = [];
  #reader: Pending<Uint8Array | null> | null = null;
  #drained: Pending<void> | null = null;
  #writing = false;
  #peerEnded = false;
  #closed = false;
  #failure: PlatformError | null = null;

  constructor(socket: Socket<ConnectionSlot>) {
    this.#socket = socket;
    this.peer = formatAddress({ host: socket.remoteAddress, port: socket.remotePort });
    socket.setNoDelay(true);
  }

  read(): Promise<Uint8Array | null> {
    assert(this.#reader === null, "One read at a time");
    if (this.#closed) return Promise.reject(new PlatformError("closed", "read from", this.peer));
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      if (chunk.length > READ_BYTES_MAX) this.#chunks.unshift(chunk.subarray(READ_BYTES_MAX));
      else if (this.#chunks.length === 0 && !this.#peerEnded && this.#failure === null) this.#socket.resume();
      return Promise.resolve(chunk.length > READ_BYTES_MAX ? chunk.subarray(0, READ_BYTES_MAX) : chunk);
    }
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#peerEnded) return Promise.resolve(null);
    return new Promise((resolve, reject) => this.#reader = { resolve, reject });
  }

  /**
   * The memory goes back to the allocator at once, and the next chunk mostly gets it again; a view of it that somebody
   * has kept is empty from now on. Left to the collector, chunks were a new megabyte for each that came.
   */
  recycle(chunk: Uint8Array): void {
    const { buffer } = chunk;
    if (buffer.byteLength >= RECYCLED_BYTES_MIN && buffer instanceof ArrayBuffer) buffer.transfer(0);
  }

  async write(slices: readonly Uint8Array[]): Promise<void> {
    assert(!this.#writing, "One write at a time");
    this.#writing = true;
    try {
      for (const slice of gatherSlices(slices)) {
        let at = 0;
        while (at < slice.length) {
          if (this.#closed) throw new PlatformError("closed", "write to", this.peer);
          if (this.#failure !== null) throw this.#failure;
          const count = this.#socket.write(slice, at, slice.length - at);
          if (count < 0) throw new PlatformError("connection_reset", "write to", this.peer);
          at += count;
          if (at < slice.length) await new Promise<void>((resolve, reject) => this.#drained = { resolve, reject });
        }
      }
    } finally {
      this.#writing = false;
    }
  }

  close(options: { abort?: boolean } = {}): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#chunks.length = 0;
    this.#settle(new PlatformError("closed", "use", this.peer));
    if (options.abort === true) this.#socket.terminate();
    else this.#socket.end();
  }

  /** Bytes have come. Bun gives each chunk a buffer of its own. */
  takeData(bytes: Uint8Array): void {
    if (this.#closed) return;
    if (this.#reader !== null && bytes.length <= READ_BYTES_MAX) {
      const reader = this.#reader;
      this.#reader = null;
      reader.resolve(bytes);
      return;
    }
    this.#chunks.push(bytes);
    this.#socket.pause();
    if (this.#reader === null) return;
    const reader = this.#reader;
    this.#reader = null;
    this.read().then(reader.resolve, reader.reject);
  }

  takeDrain(): void {
    const drained = this.#drained;
    this.#drained = null;
    drained?.resolve();
  }

  /** The peer has ended its side; we may still write. */
  takeEnd(): void {
    this.#peerEnded = true;
    const reader = this.#reader;
    this.#reader = null;
    reader?.resolve(null);
  }

  /** The socket is gone. Bytes that came before may still be read. */
  takeClose(error: unknown): void {
    if (this.#closed) return;
    if (error === undefined || error === null) {
      this.#failure ??= new PlatformError("connection_reset", "use", this.peer);
      if (!this.#peerEnded) this.takeEnd();
    } else {
      this.#failure ??= platformError(error, "use", this.peer);
    }
    this.#settle(this.#failure);
  }

  #settle(failure: PlatformError): void {
    const reader = this.#reader;
    const drained = this.#drained;
    this.#reader = null;
    this.#drained = null;
    reader?.reject(failure);
    drained?.reject(failure);
  }
}

/** What a socket carries: its connection, from the moment it is open. */
interface ConnectionSlot {
  connection: BunConnection | null;
}

function handlers(onOpen: (connection: BunConnection) => void): SocketHandler<ConnectionSlot> {
  return {
    binaryType: "uint8array",
    open(socket) {
      const connection = new BunConnection(socket);
      // A listener's sockets have no data of their own yet.
      socket.data = { connection };
      onOpen(connection);
    },
    data: (socket, bytes) => socket.data.connection?.takeData(bytes),
    drain: (socket) => socket.data.connection?.takeDrain(),
    end: (socket) => socket.data.connection?.takeEnd(),
    close: (socket, error) => socket.data?.connection?.takeClose(error),
    error: (socket, error) => socket.data?.connection?.takeClose(error),
  };
}

export const bunNetwork: Network = {
  async listen(address, onConnection): Promise<Listener> {
    try {
      const listener = Bun.listen<ConnectionSlot>({
        hostname: address.host,
        port: address.port,
        allowHalfOpen: true,
        socket: handlers(onConnection),
      });
      let stopped = false;
      return {
        address: { host: address.host, port: listener.port },
        close() {
          if (!stopped) listener.stop(false);
          stopped = true;
          return Promise.resolve();
        },
      };
    } catch (thrown) {
      throw platformError(thrown, "listen on", formatAddress(address));
    }
  },

  async connect(address: Address): Promise<Connection> {
    let opened: BunConnection | null = null;
    try {
      await Bun.connect<ConnectionSlot>({
        hostname: address.host,
        port: address.port,
        allowHalfOpen: true,
        socket: handlers((connection) => opened = connection),
      });
    } catch (thrown) {
      throw platformError(thrown, "connect to", formatAddress(address));
    }
    assert(opened !== null, "A connected socket has been opened");
    return opened;
  },
};
