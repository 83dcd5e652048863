/** The frame decoder: a stream cut anywhere gives the same frames or the same fault, and holds no more than came. */
import assert from "node:assert/strict";
import { FrameDecoder, isFrameFault } from "../../../src/protocols/native/wire/frame_decoder.ts";
import { encodeFrame, readFrame } from "../../../src/protocols/native/wire/frame.ts";
import type { FuzzTarget } from "../fuzz_target.ts";
import { mutate, randomBytes } from "../mutation.ts";

const BODY_BYTES_MAX = 100 * 1024 * 1024;
/** A buffer of a frame in work is this large at least, and at most four times what came. */
const BUFFER_BYTES_MIN = 256 * 1024;

interface Decoded {
  readonly bodies: Uint8Array[];
  readonly fault: string | null;
}

/** The first byte says how the stream is cut, the rest is the stream. */
function decodeInPieces(stream: Uint8Array, pieceBytes: number): Decoded {
  const decoder = new FrameDecoder({ bodyBytesMax: BODY_BYTES_MAX });
  const bodies: Uint8Array[] = [];
  for (let at = 0; at < stream.length; at += pieceBytes) {
    decoder.push(stream.subarray(at, at + pieceBytes));
    for (let next = decoder.next(); next !== null; next = decoder.next()) {
      if (isFrameFault(next)) return { bodies, fault: next.fault };
      readFrame(next);
      bodies.push(next);
    }
    assert.ok(decoder.heldBytes <= Math.max(BUFFER_BYTES_MIN, stream.length * 4), `${decoder.heldBytes} are held`);
  }
  return { bodies, fault: null };
}

export const frames: FuzzTarget = {
  name: "frames",
  weight: 90,
  inputsPerSubject: 1_000_000,
  open: async () => ({
    make(random) {
      const slices: number[] = [1 + random.below(40)];
      for (let count = 1 + random.below(3); count > 0; count--) {
        const frame = encodeFrame(random.below(65_536), random.uint32(), randomBytes(random, random.below(30)));
        for (const slice of frame) slices.push(...slice);
      }
      const stream = Uint8Array.from(slices);
      return random.below(6) === 0 ? stream : mutate(random, stream);
    },
    check(input) {
      const stream = input.subarray(1);
      const whole = decodeInPieces(stream, Math.max(1, stream.length));
      const pieces = decodeInPieces(stream, Math.max(1, input[0] ?? 1));
      assert.equal(pieces.fault, whole.fault);
      assert.equal(pieces.bodies.length, whole.bodies.length);
      pieces.bodies.forEach((body, at) => assert.equal(body.length, whole.bodies[at]!.length));
    },
  }),
};
