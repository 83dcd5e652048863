/**
 * What a server of native frames costs that does nothing with them: it finds each frame in the stream and answers it,
 * with the frame itself (`echo`), or with the bytes of a file that were the broker's answer.
 */
import { readFile } from "node:fs/promises";
import { LIMITS } from "../../src/base/limits.ts";
import type { Connection } from "../../src/platform/network.ts";
import { FrameDecoder, isFrameFault } from "../../src/protocols/native/wire/frame_decoder.ts";
import { currentPlatform } from "../runtime.ts";
import { entryOptions, serveUntilInputEnds } from "./serve.ts";

const { replyPath } = entryOptions<{ readonly replyPath: string | null }>();
const reply = replyPath === null ? null : new Uint8Array(await readFile(replyPath));

/** A whole frame as its answer: the length that the decoder took off, and the body. */
function echo(body: Uint8Array): Uint8Array[] {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, body.length);
  return [length, body];
}

async function serve(connection: Connection): Promise<void> {
  const decoder = new FrameDecoder({ bodyBytesMax: LIMITS.frameBytesMax });
  let unsent: Uint8Array[] = [];
  let isWriting = false;
  const write = async () => {
    isWriting = true;
    await undefined;
    while (unsent.length > 0) {
      const slices = unsent;
      unsent = [];
      await connection.write(slices);
    }
    isWriting = false;
  };
  while (true) {
    const chunk = await connection.read();
    if (chunk === null) break;
    decoder.push(chunk);
    for (let body = decoder.next(); body !== null; body = decoder.next()) {
      if (isFrameFault(body)) throw new Error(body.fault);
      if (reply === null) unsent.push(...echo(body));
      else unsent.push(reply);
    }
    if (!isWriting && unsent.length > 0) write().catch(() => connection.close());
  }
  connection.close();
}

const { network } = await currentPlatform();
const listener = await network.listen({ host: "127.0.0.1", port: 0 }, (connection) => {
  // A load generator that is done cuts its connections.
  serve(connection).catch(() => connection.close());
});
await serveUntilInputEnds({ binaryPort: listener.address.port }, () => listener.close());
