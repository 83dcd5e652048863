/** What every `Compression` must do. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ErrorCode, SentinelError } from "../../src/base/errors.ts";
import type { Codec, Compression } from "../../src/platform/compression.ts";

const CODECS: readonly Codec[] = ["gzip", "snappy", "lz4", "zstd"];
const encoder = new TextEncoder();
const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

/** The text of the foreign blocks below. */
const TEXT = encoder.encode(
  Array.from(
    { length: 60 },
    (_, index) =>
      ["offset", "batch", "leader", "epoch", "topic", "sentinel", "log"][(index * index + Math.floor(index / 7)) % 7],
  ).join(" "),
);

/** Made by the formats' own command line tools: gzip 1.12, lz4 1.9.4, zstd 1.5.4. */
const FOREIGN: readonly (readonly [Codec, string, string])[] = [
  [
    "gzip",
    "gzip -n",
    "H4sIAAAAAAAAA6WQUQ7AEBBEr+JqqquViJVy/1Q7Q0g/+2HZmewzqPdFqtlsdaepmoMzUewuV9+gwUelUSTVkCQaydpU1CGuEJhR" +
    "D+J4UevnYaiKRIM0DjRmwvCYrAGfhe5LeH0kIoxbT8t5qkg1Px3KOvv76261kxdIgwEAAA==",
  ],
  [
    "zstd",
    "zstd",
    "KLUv/WSDACUEAMQCb2Zmc2V0IGJhdGNoIHRvcGljIGxlYWRlcnNlbnRpbmVsIGVwb2NobG9nb2clICBCRlV69okEHwklDPxw+Dwg" +
    "zzA0Q6wEVAaIGbQcGF8gCwALBAOwX+yY4y2giAMrAyvQsECFDNkAAAyjBYwBpOQxGQApAauBzKxkyAeMBtwHSEQZAzTQxhM=",
  ],
  [
    "lz4",
    "lz4 -BI",
    "BCJNGGRAp8sAAAD0Cm9mZnNldCBiYXRjaCB0b3BpYyBsZWFkZXIHAAIUAAIgAAIGAAMgAONzZW50aW5lbCBlcG9jaAYABRUAAyUA" +
    "AwcAAiMAM2xvZ2MAAlUAABAAAhoAAgYAAhYAA5IABUoABQkAAxkAAiYAAgYABRwAA5oAIW9nBAACDgAFHQAFCQAAcQADkgADTQAD" +
    "BwADFQABIAAkb2cWAAKWAAJNAAIGAAISAAMfAAMHAAIaAAKQAARIAAJCAQIUAAIgAAIGAAMgAAWRAFBlcG9jaAAAAADSHVd7",
  ],
  [
    "lz4",
    "lz4 -BD -BX --content-size",
    "BCJNGHxAgwEAAAAAAAClywAAAPQKb2Zmc2V0IGJhdGNoIHRvcGljIGxlYWRlcgcAAhQAAiAAAgYAAyAA43NlbnRpbmVsIGVwb2No" +
    "BgAFFQADJQADBwACIwAzbG9nYwACVQAAEAACGgACBgACFgADkgAFSgAFCQADGQACJgACBgAFHAADmgAhb2cEAAIOAAUdAAUJAABx" +
    "AAOSAANNAAMHAAMVAAEgACRvZxYAApYAAk0AAgYAAhIAAx8AAwcAAhoAApAABEgAAkIBAhQAAiAAAgYAAyAABZEAUGVwb2NofLvE" +
    "WgAAAADSHVd7",
  ],
  [
    "lz4",
    "lz4 -B4 --no-frame-crc",
    "BCJNGGBAgssAAAD0Cm9mZnNldCBiYXRjaCB0b3BpYyBsZWFkZXIHAAIUAAIgAAIGAAMgAONzZW50aW5lbCBlcG9jaAYABRUAAyUA" +
    "AwcAAiMAM2xvZ2MAAlUAABAAAhoAAgYAAhYAA5IABUoABQkAAxkAAiYAAgYABRwAA5oAIW9nBAACDgAFHQAFCQAAcQADkgADTQAD" +
    "BwADFQABIAAkb2cWAAKWAAJNAAIGAAISAAMfAAMHAAIaAAKQAARIAAJCAQIUAAIgAAIGAAMgAAWRAFBlcG9jaAAAAAA=",
  ],
];

/** A generator of numbers in [0, 2^32) that gives the same ones for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

function samples(): Map<string, Uint8Array> {
  const next = seeded(1);
  const noise = Uint8Array.from({ length: 200_000 }, () => next());
  const records = Array.from({ length: 6_000 }, (_, id) => JSON.stringify({ id, user: `user-${(id * 7919) % 1000}` }));
  const runs = Uint8Array.from({ length: 300_000 }, (_, at) => (at >> 9) * (at >> 9));
  return new Map<string, Uint8Array>([
    ["empty", new Uint8Array(0)],
    ["one byte", Uint8Array.of(7)],
    ["text", TEXT],
    ["noise", noise],
    ["records", encoder.encode(records.join("\n"))],
    ["runs", runs],
    ["zeros", new Uint8Array(1_000_000)],
  ]);
}

async function failsWith(code: ErrorCode, work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, (thrown) => {
    assert.ok(thrown instanceof SentinelError && thrown.code === code, `wanted ${code}, got ${thrown}`);
    return true;
  });
}

export function describeCompression(name: string, compression: Compression): void {
  for (const codec of CODECS) {
    test(`${name}: ${codec} gives back what it took, up to exactly the bound`, async () => {
      for (const [what, bytes] of samples()) {
        const block = await compression.compress(codec, bytes);
        assert.deepEqual(await compression.decompress(codec, block, bytes.length), bytes, what);
        assert.deepEqual(await compression.decompress(codec, block, bytes.length + 1), bytes, what);
        if (bytes.length > 0) await failsWith("too_large", compression.decompress(codec, block, bytes.length - 1));
        assert.equal(block.constructor, Uint8Array, "no Buffer");
      }
    });

    test(`${name}: ${codec} takes views into larger buffers, and sizes around its blocks`, async () => {
      const next = seeded(2);
      for (
        const size of [
          1,
          4,
          5,
          11,
          12,
          13,
          14,
          15,
          16,
          60,
          61,
          255,
          256,
          270,
          32_767,
          32_768,
          32_769,
          65_535,
          65_536,
          65_537,
        ]
      ) {
        const buffer = Uint8Array.from({ length: size + 20 }, () => next() & 3);
        const bytes = buffer.subarray(10, 10 + size);
        const block = await compression.compress(codec, bytes);
        const shifted = new Uint8Array(block.length + 9);
        shifted.set(block, 9);
        assert.deepEqual(await compression.decompress(codec, shifted.subarray(9), size), bytes.slice(), String(size));
      }
    });

    test(`${name}: ${codec} is cut off everywhere and never opens`, async () => {
      const block = await compression.compress(codec, TEXT);
      const large = await compression.compress(codec, samples().get("records")!);
      for (let step = 1; step < 50; step++) {
        // Xerial's frames end wherever a block does; inside one they do not.
        const length = Math.floor((large.length * step) / 50);
        await failsWith("corrupt_batch", compression.decompress(codec, large.subarray(0, length), 1_000_000));
      }
      for (let length = 0; length < block.length; length++) {
        const outcome = await compression.decompress(codec, block.subarray(0, length), 10_000).then(
          (bytes) => bytes,
          (thrown) => thrown,
        );
        // A snappy frame of no blocks is whole, and opens as nothing.
        if (codec === "snappy" && length === 16) assert.deepEqual(outcome, new Uint8Array(0));
        else assert.ok(outcome instanceof SentinelError && outcome.code === "corrupt_batch", `${length}: ${outcome}`);
      }
    });

    test(`${name}: ${codec} does not pass over what follows its end`, async () => {
      const block = await compression.compress(codec, TEXT);
      for (const rest of [[1, 2, 3], [...block.subarray(0, block.length - 1)]]) {
        await failsWith("corrupt_batch", compression.decompress(codec, Uint8Array.of(...block, ...rest), 10_000));
      }
    });

    test(`${name}: ${codec} with changed bytes gives bytes or a typed error, within its bound`, async () => {
      const next = seeded(3);
      const outputBytesMax = 100_000;
      const blocks = await Promise.all(
        [TEXT, new Uint8Array(5_000), TEXT.subarray(0, 20)].map((bytes) => compression.compress(codec, bytes)),
      );
      for (const [of, , base64] of FOREIGN) if (of === codec) blocks.push(fromBase64(base64));
      for (let round = 0; round < 5_000; round++) {
        const block = blocks[round % blocks.length]!.slice();
        for (let changes = 1 + next() % 4; changes > 0; changes--) block[next() % block.length] = next();
        const cut = next() % 4 === 0 ? block.subarray(0, next() % block.length) : block;
        try {
          const bytes = await compression.decompress(codec, cut, outputBytesMax);
          assert.ok(bytes.length <= outputBytesMax);
        } catch (thrown) {
          assert.ok(
            thrown instanceof SentinelError && ["corrupt_batch", "too_large"].includes(thrown.code),
            `${round}: ${thrown}`,
          );
        }
      }
    });

    test(`${name}: ${codec} stops a bomb at its bound`, async () => {
      let bomb = await compression.compress(codec, new Uint8Array(32 * 1024 * 1024));
      await failsWith("too_large", compression.decompress(codec, bomb, 1024 * 1024));
      bomb = bomb.slice();
      await failsWith("too_large", compression.decompress(codec, bomb, 0));
    });
  }

  for (const [codec, tool, base64] of FOREIGN) {
    test(`${name}: opens what ${tool} made`, async () => {
      assert.deepEqual(await compression.decompress(codec, fromBase64(base64), TEXT.length), TEXT);
    });
  }

  test(`${name}: snappy opens a single raw block, as librdkafka sends it, with every kind of copy`, async () => {
    // 20 bytes: literal "abcd", then 16 bytes from 4 back.
    for (const copy of [[0x3e, 4, 0], [0x3f, 4, 0, 0, 0], [0x1d, 4, 0x05, 4]]) {
      const block = Uint8Array.of(20, 0x0c, 97, 98, 99, 100, ...copy);
      assert.deepEqual(
        await compression.decompress("snappy", block, 20),
        encoder.encode("abcdabcdabcdabcdabcd").slice(0, 20),
      );
    }
  });

  test(`${name}: snappy does not believe a length that its bytes cannot hold`, async () => {
    const declares4GiB = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x61);
    await failsWith("corrupt_batch", compression.decompress("snappy", declares4GiB, Number.MAX_SAFE_INTEGER));
    // A literal whose 32-bit length is negative when read with a sign: snappyjs loops for ever on it.
    const negative = Uint8Array.of(20, 0xfc, 0xf0, 0xff, 0xff, 0xff, 0x61, 0x62, 0x63);
    await failsWith("corrupt_batch", compression.decompress("snappy", negative, 1000));
  });

  test(`${name}: lz4 is written as Kafka's Java reads it: independent blocks of 64 KiB, right header checksum`, async () => {
    const frame = await compression.compress("lz4", new Uint8Array(200_000));
    // 0x82 is the second byte of xxhash32 over 60 40, as the lz4 tool writes it for the same flags.
    assert.deepEqual([...frame.subarray(0, 7)], [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]);
  });
}
