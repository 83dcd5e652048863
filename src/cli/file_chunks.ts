import { SentinelError } from "../base/errors.ts";
import type { Disk } from "../platform/disk.ts";

const CHUNK_BYTES = 256 * 1024;

/** A file's bytes from its start to the end that it has when it is reached, a new buffer for each chunk. */
export async function* readChunks(disk: Disk, path: string): AsyncGenerator<Uint8Array> {
  const file = await disk.open(path, "read");
  try {
    let position = 0;
    while (true) {
      const chunk = new Uint8Array(CHUNK_BYTES);
      const count = await file.readAt(position, chunk);
      if (count === 0) return;
      position += count;
      yield chunk.subarray(0, count);
    }
  } finally {
    await file.close();
  }
}

/** A small file's whole text. Fails with `too_large` above `bytesMax`. */
export async function readSmallFile(disk: Disk, path: string, bytesMax: number): Promise<string> {
  const pieces: string[] = [];
  let bytes = 0;
  const decoder = new TextDecoder();
  for await (const chunk of readChunks(disk, path)) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new SentinelError("too_large", `${path} is larger than ${bytesMax} bytes`);
    pieces.push(decoder.decode(chunk, { stream: true }));
  }
  return pieces.join("") + decoder.decode();
}
