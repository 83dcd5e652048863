import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { encodeFrame, readFrame } from "../../../../src/protocols/native/wire/frame.ts";
import { BufferPool, SPOILED } from "../../../../src/bytes/buffer_pool.ts";
import { Lease } from "../../../../src/bytes/lease.ts";
import { FrameDecoder, isFrameFault } from "../../../../src/protocols/native/wire/frame_decoder.ts";

function joined(...slices: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(slices.reduce((sum, slice) => sum + slice.length, 0));
  let at = 0;
  for (const slice of slices) {
    whole.set(slice, at);
    at += slice.length;
  }
  return whole;
}

/** All bodies, or the fault, that a stream in these pieces gives. */
function decode(pieces: readonly Uint8Array[], bodyBytesMax = 1_000_000): (number[] | string)[] {
  const decoder = new FrameDecoder({ bodyBytesMax });
  const found: (number[] | string)[] = [];
  for (const piece of pieces) {
    decoder.push(piece.slice());
    for (let body = decoder.next(); body !== null; body = decoder.next()) {
      if (isFrameFault(body)) return [...found, body.fault];
      found.push([...body]);
    }
  }
  return found;
}

const STREAM = joined(
  ...encodeFrame(0x5308, 1, new Uint8Array([0xa0])),
  ...encodeFrame(0x5302, 0xffffffff, new Uint8Array(20).map((_, index) => index)),
  ...encodeFrame(0x0012, 7, new Uint8Array(0)),
);

test("encodeFrame() writes length, type and correlation id big-endian before the payload", () => {
  const [frame] = encodeFrame(0x5302, 0xfffffffe, new Uint8Array([1, 2]));
  deepEqual([...frame!], [0, 0, 0, 8, 0x53, 0x02, 0xff, 0xff, 0xff, 0xfe, 1, 2]);
});

test("encodeFrame() does not copy a large payload", () => {
  const payload = new Uint8Array(100_000);
  equal(encodeFrame(0x5382, 1, payload)[1], payload);
});

test("readFrame() gives back what encodeFrame() was given", () => {
  const frame = readFrame(joined(...encodeFrame(0x5302, 0xfffffffe, new Uint8Array([1, 2]))).subarray(4));
  deepEqual({ ...frame, payload: [...frame.payload] }, { type: 0x5302, correlationId: 0xfffffffe, payload: [1, 2] });
});

test("FrameDecoder finds the same frames wherever the stream is cut in two", () => {
  const whole = decode([STREAM]);
  equal(whole.length, 3);
  for (let cut = 0; cut <= STREAM.length; cut++) {
    deepEqual(decode([STREAM.subarray(0, cut), STREAM.subarray(cut)]), whole, `cut at ${cut}`);
  }
});

test("FrameDecoder finds the same frames in a stream that comes byte by byte", () => {
  deepEqual(decode([...STREAM].map((byte) => new Uint8Array([byte]))), decode([STREAM]));
});

test("FrameDecoder puts a frame of many pieces together", () => {
  const payload = new Uint8Array(700_000).map((_, index) => index % 251);
  const stream = joined(...encodeFrame(0x5302, 1, payload));
  const pieces = Array.from(
    { length: Math.ceil(stream.length / 9_999) },
    (_, index) => stream.subarray(index * 9_999, (index + 1) * 9_999),
  );
  const [body] = decode(pieces);
  deepEqual(body!.slice(6), [...payload]);
});

test("FrameDecoder takes a length at its bounds and refuses one outside", () => {
  const bytes = (length: number) => new Uint8Array([0, 0, length >>> 8, length & 0xff, ...new Array(length).fill(1)]);
  equal(decode([bytes(6)], 300)[0]!.length, 6);
  equal(decode([bytes(300)], 300)[0]!.length, 300);
  deepEqual(decode([bytes(5)], 300), ["a frame of 5 bytes is below 6"]);
  deepEqual(decode([bytes(0)], 300), ["a frame of 0 bytes is below 6"]);
  deepEqual(decode([bytes(301)], 300), ["a frame of 301 bytes is above the limit of 300"]);
  deepEqual(decode([new Uint8Array([255, 255, 255, 255])], 300), [
    "a frame of 4294967295 bytes is above the limit of 300",
  ]);
});

test("FrameDecoder keeps its fault, whatever comes after it", () => {
  const decoder = new FrameDecoder({ bodyBytesMax: 100 });
  decoder.push(new Uint8Array([0, 0, 0, 1, 9, 9]));
  ok(isFrameFault(decoder.next()));
  decoder.push(STREAM);
  ok(isFrameFault(decoder.next()));
});

test("FrameDecoder allocates by what came and not by what was declared", () => {
  const decoder = new FrameDecoder({ bodyBytesMax: 100 * 1024 * 1024 });
  decoder.push(new Uint8Array([6, 0, 0, 0, 1, 2, 3]));
  equal(decoder.next(), null);
  ok(decoder.isInsideFrame);
  ok(decoder.heldBytes <= 256 * 1024, `${decoder.heldBytes} bytes are held for 3`);
});

/** A chunk of the stream whose memory is overwritten when nobody holds it. */
function leased(chunk: Uint8Array): { readonly chunk: Uint8Array; readonly lease: Lease } {
  const own = chunk.slice();
  return { chunk: own, lease: new Lease(() => own.fill(SPOILED)) };
}

test("FrameDecoder holds a chunk for itself while it reads it, and once for each body that lies in it", () => {
  const frames = [1, 2].map((id) => joined(...encodeFrame(0x5302, id, new Uint8Array(1_000).fill(id))));
  const { chunk, lease } = leased(joined(...frames));
  const decoder = new FrameDecoder({ bodyBytesMax: 2_000 });
  decoder.push(chunk, lease);
  const first = decoder.next() as Uint8Array;
  const firstLease = decoder.lease;
  const second = decoder.next() as Uint8Array;
  const secondLease = decoder.lease;
  equal(decoder.next(), null);
  deepEqual([first, second].map((body) => body.slice()), frames.map((frame) => frame.slice(4)));
  firstLease!.release();
  deepEqual(second.slice(), frames[1]!.slice(4));
  secondLease!.release();
  ok(chunk.every((byte) => byte === SPOILED));
});

test("FrameDecoder gives a chunk back as soon as it is copied, and a body's buffer when its lease ends", () => {
  const payload = new Uint8Array(900_000).map((_, index) => index % 251);
  const stream = joined(...encodeFrame(0x5302, 1, payload), ...encodeFrame(0x5302, 2, payload));
  const buffers = new BufferPool({ spoils: true });
  const decoder = new FrameDecoder({ bodyBytesMax: 1_000_000, buffers });
  const bodies: { body: Uint8Array; lease: Lease }[] = [];
  let spoiled = 0;
  for (let at = 0; at < stream.length; at += 99_999) {
    const chunk = stream.slice(at, at + 99_999);
    decoder.push(chunk, new Lease(() => (chunk.fill(SPOILED), spoiled += 1)));
    for (let body = decoder.next(); body !== null; body = decoder.next()) {
      if (!isFrameFault(body)) bodies.push({ body, lease: decoder.lease! });
    }
  }
  equal(spoiled, Math.ceil(stream.length / 99_999));
  equal(bodies.length, 2);
  for (const { body } of bodies) deepEqual(body.slice(6), payload);
  bodies[0]!.lease.release();
  ok(bodies[0]!.body.every((byte) => byte === SPOILED));
  deepEqual(bodies[1]!.body.slice(6), payload);
});
