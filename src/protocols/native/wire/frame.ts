/**
 * One frame, as both dialects of the binary port begin it (facts Y1–Y3; design D9).
 *
 * Layout (big-endian):
 *
 *   0  length u32          bytes after this field: 6 + payload
 *   4  messageType u16     0x5300 and up: native; below: a Kafka API key
 *   6  correlationId u32   copied into the reply (native; Kafka has its version here)
 *  10  payload             one CBOR map
 *
 * The *body* of a frame is what `length` counts: everything from the message type on.
 */
import { assert } from "../../../base/assert.ts";
import { LIMITS } from "../../../base/limits.ts";

/** Bytes of the length field. */
export const FRAME_LENGTH_BYTES = 4;
/** Bytes of a body before its payload; also of the smallest body. */
export const BODY_HEADER_BYTES = 6;
/** Payloads up to this are copied behind their header: one slice costs a socket less than two. */
const COPIED_PAYLOAD_BYTES = 4_096;

/** The body of a native frame, taken apart. `payload` is a view. */
export interface Frame {
  readonly type: number;
  readonly correlationId: number;
  readonly payload: Uint8Array;
}

/** The message type of a body: says whose frame it is. `body` holds at least `BODY_HEADER_BYTES`. */
export function frameType(body: Uint8Array): number {
  return (body[0]! << 8) | body[1]!;
}

/** `body` holds at least `BODY_HEADER_BYTES`, as the frame decoder guarantees. */
export function readFrame(body: Uint8Array): Frame {
  assert(body.length >= BODY_HEADER_BYTES, () => `A body of ${body.length} bytes is below ${BODY_HEADER_BYTES}`);
  return {
    type: frameType(body),
    correlationId: ((body[2]! << 24) | (body[3]! << 16) | (body[4]! << 8) | body[5]!) >>> 0,
    payload: body.subarray(BODY_HEADER_BYTES),
  };
}

/** A whole frame as slices to be written one after another. */
export function encodeFrame(type: number, correlationId: number, payload: Uint8Array): Uint8Array[] {
  const length = BODY_HEADER_BYTES + payload.length;
  assert(length <= LIMITS.frameBytesMax, () => `A frame of ${length} bytes is above ${LIMITS.frameBytesMax}`);
  const copies = payload.length <= COPIED_PAYLOAD_BYTES;
  const start = FRAME_LENGTH_BYTES + BODY_HEADER_BYTES;
  const bytes = new Uint8Array(copies ? start + payload.length : start);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length);
  view.setUint16(4, type);
  view.setUint32(6, correlationId);
  if (!copies) return [bytes, payload];
  bytes.set(payload, start);
  return [bytes];
}
