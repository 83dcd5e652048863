/** What every `Network` must do. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../../src/base/limits.ts";
import type { Connection, Listener, Network } from "../../src/platform/network.ts";
import { pattern, rejectsWith } from "./disk.ts";

const LOOPBACK = { host: "127.0.0.1", port: 0 };

interface Pair extends AsyncDisposable {
  readonly client: Connection;
  readonly server: Connection;
  readonly listener: Listener;
}

async function connectPair(network: Network): Promise<Pair> {
  let accept: (connection: Connection) => void = () => {};
  const accepted = new Promise<Connection>((resolve) => accept = resolve);
  const listener = await network.listen(LOOPBACK, accept);
  const client = await network.connect(listener.address);
  const server = await accepted;
  return {
    client,
    server,
    listener,
    async [Symbol.asyncDispose]() {
      client.close();
      server.close();
      await listener.close();
    },
  };
}

/** Reads `count` bytes, or up to the peer's end. */
async function readBytes(connection: Connection, count: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(count);
  let at = 0;
  while (at < count) {
    const chunk = await connection.read();
    if (chunk === null) break;
    assert.ok(chunk.length > 0 && chunk.length <= LIMITS.connectionReadBytesMax, `a chunk of ${chunk.length} bytes`);
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes.subarray(0, at);
}

export function describeNetwork(name: string, network: Network): void {
  const scenario = (title: string, run: (pair: Pair) => Promise<void>): void => {
    test(`${name}: ${title}`, async () => {
      await using pair = await connectPair(network);
      await run(pair);
    });
  };

  scenario("slices arrive in order, whatever their size", async ({ client, server }) => {
    const sizes = [0, 1, 65_536, 3, 0, 65_535, 65_537, 1_000_000, 5, 5, 5, 300_000];
    const slices = sizes.map((size, index) => pattern(index * 1000, size));
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const [, received] = await Promise.all([client.write(slices), readBytes(server, total)]);
    let at = 0;
    for (const slice of slices) {
      assert.deepEqual(received.subarray(at, at + slice.length), slice);
      at += slice.length;
    }
  });

  scenario("what is read after a chunk was given back is what was sent", async ({ client, server }) => {
    const sent = pattern(7, 3_000_000);
    const writing = client.write([sent]);
    for (let at = 0; at < sent.length;) {
      const chunk = await server.read();
      assert.ok(chunk !== null);
      assert.deepEqual(chunk, sent.subarray(at, at + chunk.length));
      at += chunk.length;
      server.recycle(chunk);
    }
    await writing;
  });

  scenario("a chunk that was not given back stays as it is, also after the end", async ({ client, server }) => {
    const sent = pattern(8, 2_000_000);
    const writing = client.write([sent]);
    const kept: Uint8Array[] = [];
    for (let at = 0; at < sent.length;) {
      const chunk = await server.read();
      assert.ok(chunk !== null);
      at += chunk.length;
      if (kept.length % 2 === 0) kept.push(chunk);
      else {
        kept.push(chunk.slice());
        server.recycle(chunk);
      }
    }
    await writing;
    server.close();
    let at = 0;
    for (const chunk of kept) {
      assert.deepEqual(chunk, sent.subarray(at, at + chunk.length));
      at += chunk.length;
      server.recycle(chunk);
    }
  });

  scenario("many small writes arrive as one stream, in both directions at once", async ({ client, server }) => {
    const send = async (connection: Connection): Promise<void> => {
      for (let index = 0; index < 500; index++) {
        await connection.write([pattern(index * 10, 4), pattern(index * 10 + 4, 6)]);
      }
    };
    const [, , forth, back] = await Promise.all([
      send(client),
      send(server),
      readBytes(server, 5000),
      readBytes(client, 5000),
    ]);
    assert.deepEqual(forth, pattern(0, 5000));
    assert.deepEqual(back, pattern(0, 5000));
  });

  scenario("what read() gave stays as it is while more arrives", async ({ client, server }) => {
    const chunks: Uint8Array[] = [];
    for (let index = 0; index < 50; index++) {
      await client.write([new Uint8Array(20_000).fill(index)]);
      for (let got = 0; got < 20_000;) {
        const chunk = await server.read();
        assert.ok(chunk !== null);
        got += chunk.length;
        chunks.push(chunk);
      }
    }
    let at = 0;
    for (const chunk of chunks) {
      for (const byte of chunk) assert.equal(byte, Math.floor(at++ / 20_000));
    }
  });

  scenario("a writer waits for a reader that does not read, and loses nothing", async ({ client, server }) => {
    const total = 64 * 1024 * 1024;
    const chunk = new Uint8Array(1024 * 1024);
    let written = 0;
    const writing = (async () => {
      for (let sent = 0; sent < total; sent += chunk.length) {
        await client.write([chunk]);
        written += chunk.length;
      }
    })();
    // What the writer got rid of stands still once the buffers of the operating system are full.
    for (let before = -1, same = 0; same < 20; same = written === before ? same + 1 : 0) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.ok(written < total / 2, `${written} bytes were taken that nobody read`);
    assert.equal((await readBytes(server, total)).length, total);
    await writing;
  });

  scenario("close() is read as the end, after what was sent before it", async ({ client, server }) => {
    await client.write([pattern(0, 200_000)]);
    client.close();
    assert.deepEqual(await readBytes(server, 1_000_000), pattern(0, 200_000));
    assert.equal(await server.read(), null);
    assert.equal(await server.read(), null);
  });

  scenario("after close() the connection's own calls fail with closed", async ({ client }) => {
    const reading = client.read().then((chunk) => chunk, (thrown) => thrown);
    client.close();
    client.close();
    const outcome = await reading;
    assert.ok(outcome === null || outcome.code === "closed", String(outcome));
    await rejectsWith("closed", client.read());
    await rejectsWith("closed", client.write([new Uint8Array(1)]));
  });

  scenario("close() ends a write that waits", async ({ client }) => {
    const writing = client.write([new Uint8Array(64 * 1024 * 1024)]);
    const failed = assert.rejects(writing);
    await new Promise((resolve) => setTimeout(resolve, 20));
    client.close({ abort: true });
    await failed;
  });

  scenario("writing to a peer that is gone fails", async ({ client, server }) => {
    server.close({ abort: true });
    await assert.rejects(async () => {
      for (let index = 0; index < 1000; index++) {
        await client.write([new Uint8Array(1024)]);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }, { code: "connection_reset" });
  });

  scenario("peer is the other side's host:port", async ({ client, server, listener }) => {
    assert.equal(client.peer, `127.0.0.1:${listener.address.port}`);
    assert.match(server.peer, /^127\.0\.0\.1:\d+$/);
    assert.notEqual(server.peer, client.peer);
  });

  scenario("a closed listener takes nobody new and keeps those it has", async ({ client, server, listener }) => {
    await listener.close();
    await listener.close();
    await rejectsWith("connection_refused", network.connect(listener.address));
    await client.write([pattern(0, 10)]);
    assert.deepEqual(await readBytes(server, 10), pattern(0, 10));
  });

  scenario("a port that is taken is address_in_use", async ({ listener }) => {
    await rejectsWith("address_in_use", network.listen(listener.address, () => {}));
  });

  test(`${name}: a host that is not ours is address_not_available`, async () => {
    await rejectsWith("address_not_available", network.listen({ host: "192.0.2.1", port: 0 }, () => {}));
  });

  test(`${name}: a name that does not exist is name_not_found`, async () => {
    await rejectsWith("name_not_found", network.connect({ host: "does-not-exist.invalid", port: 1 }));
  });
}
