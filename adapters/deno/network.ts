/** Deno's sockets. They are pulled: what nobody reads stays with the operating system. */
import { assert } from "../../src/base/assert.ts";
import { PlatformError } from "../../src/base/errors.ts";
import type { Address, Connection, Listener, Network } from "../../src/platform/network.ts";
import { formatAddress } from "../node/address.ts";
import { platformError } from "../node/errors.ts";
import { gatherSlices } from "../node/gather.ts";

/** Reads begin with this, and come back to it after one that was not filled: an idle connection holds no more. */
const READ_BYTES_MIN = 64 * 1024;
/**
 * After a read that was filled: most frames of a busy producer then lie whole in one read and are not put together. At
 * most `connectionReadBytesMax`.
 */
const READ_BYTES_MAX = 256 * 1024;
/** A read that fills less than this part of its buffer is copied out, so that a small request does not hold a large one. */
const KEPT_PART_MIN = 1 / 4;

/** Buffers that were read into and given back, of all connections: the next reads take them. */
const SPARE_BUFFERS_MAX = 16;
const spareBuffers: Uint8Array<ArrayBuffer>[] = [];

/** For reads of `bytes`. */
function takeBuffer(bytes: number): Uint8Array<ArrayBuffer> {
  return bytes === READ_BYTES_MAX ? spareBuffers.pop() ?? new Uint8Array(bytes) : new Uint8Array(bytes);
}

class DenoConnection implements Connection {
  readonly peer: string;
  readonly #socket: Deno.TcpConn;
  #buffer: Uint8Array<ArrayBuffer> | null = null;
  #nextReadBytes = READ_BYTES_MIN;
  #reading = false;
  #writing = false;
  #closed = false;

  constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
    this.peer = formatAddress({ host: socket.remoteAddr.hostname, port: socket.remoteAddr.port });
    socket.setNoDelay(true);
  }

  async read(): Promise<Uint8Array | null> {
    assert(!this.#reading, "One read at a time");
    if (this.#closed) throw new PlatformError("closed", "read from", this.peer);
    this.#reading = true;
    const buffer = this.#buffer ??= takeBuffer(this.#nextReadBytes);
    try {
      const count = await this.#socket.read(buffer);
      if (this.#closed) throw new PlatformError("closed", "read from", this.peer);
      if (count === null) return null;
      return this.#taken(buffer, count);
    } catch (thrown) {
      throw this.#failure(thrown, "read from");
    } finally {
      this.#reading = false;
    }
  }

  recycle(chunk: Uint8Array): void {
    const { buffer } = chunk;
    if (buffer.byteLength !== READ_BYTES_MAX || spareBuffers.length >= SPARE_BUFFERS_MAX) return;
    if (buffer instanceof ArrayBuffer) spareBuffers.push(new Uint8Array(buffer));
  }

  #taken(buffer: Uint8Array<ArrayBuffer>, count: number): Uint8Array {
    this.#nextReadBytes = count === buffer.length ? READ_BYTES_MAX : READ_BYTES_MIN;
    const isKept = count >= buffer.length * KEPT_PART_MIN;
    if (isKept || this.#nextReadBytes < buffer.length) this.#buffer = null;
    return isKept ? buffer.subarray(0, count) : buffer.slice(0, count);
  }

  async write(slices: readonly Uint8Array[]): Promise<void> {
    assert(!this.#writing, "One write at a time");
    if (this.#closed) throw new PlatformError("closed", "write to", this.peer);
    this.#writing = true;
    try {
      for (const slice of gatherSlices(slices)) {
        for (let at = 0; at < slice.length;) {
          at += await this.#socket.write(slice.subarray(at));
          if (this.#closed) throw new PlatformError("closed", "write to", this.peer);
        }
      }
    } catch (thrown) {
      throw this.#failure(thrown, "write to");
    } finally {
      this.#writing = false;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }

  #failure(thrown: unknown, operation: string): PlatformError {
    if (this.#closed) return new PlatformError("closed", operation, this.peer);
    return platformError(thrown, operation, this.peer);
  }
}

async function acceptAll(listener: Deno.TcpListener, onConnection: (connection: Connection) => void): Promise<void> {
  while (true) {
    let socket: Deno.TcpConn;
    try {
      socket = await listener.accept();
    } catch (thrown) {
      if (thrown instanceof Deno.errors.BadResource || thrown instanceof Deno.errors.Interrupted) return;
      // A peer that left again, or no descriptor for it: the listener itself is well.
      await new Promise<void>((resolve) => setTimeout(resolve, 10));
      continue;
    }
    let connection: Connection;
    try {
      connection = new DenoConnection(socket);
    } catch {
      // A peer that was gone before its options were set.
      socket.close();
      continue;
    }
    onConnection(connection);
  }
}

export const denoNetwork: Network = {
  async listen(address, onConnection): Promise<Listener> {
    let listener: Deno.TcpListener;
    try {
      listener = Deno.listen({ hostname: address.host, port: address.port });
    } catch (thrown) {
      throw platformError(thrown, "listen on", formatAddress(address));
    }
    const accepting = acceptAll(listener, onConnection);
    let closed = false;
    return {
      address: { host: address.host, port: listener.addr.port },
      async close() {
        if (!closed) listener.close();
        closed = true;
        await accepting;
      },
    };
  },

  async connect(address: Address): Promise<Connection> {
    try {
      return new DenoConnection(await Deno.connect({ hostname: address.host, port: address.port }));
    } catch (thrown) {
      throw platformError(thrown, "connect to", formatAddress(address));
    }
  },
};
