/** A peer that has ended its side only, which a `Network` cannot do itself: a raw socket plays it. */
import assert from "node:assert/strict";
import * as net from "node:net";
import { test } from "node:test";
import type { Connection, Network } from "../../src/platform/network.ts";

export function describeHalfClose(name: string, network: Network): void {
  test(`${name}: a peer that has ended its side still gets the answer`, async () => {
    let serve: (connection: Connection) => void = () => {};
    const accepted = new Promise<Connection>((resolve) => serve = resolve);
    const listener = await network.listen({ host: "127.0.0.1", port: 0 }, serve);
    const peer = net.connect({ port: listener.address.port, host: "127.0.0.1", allowHalfOpen: true });
    let answer = "";
    peer.on("data", (chunk) => answer += chunk.toString());
    const ended = new Promise<void>((resolve) => peer.on("end", resolve));
    peer.end("question");
    const connection = await accepted;
    let question = "";
    for (let chunk = await connection.read(); chunk !== null; chunk = await connection.read()) {
      question += new TextDecoder().decode(chunk);
    }
    assert.equal(question, "question");
    await connection.write([new TextEncoder().encode("ans"), new TextEncoder().encode("wer")]);
    connection.close();
    await ended;
    assert.equal(answer, "answer");
    peer.destroy();
    await listener.close();
  });
}
