/**
 * I47, after every event: what the broker holds of one connection stays within its bounds, however much the peer sends
 * and however little it takes. One frame is always taken, and requests that are in work may be answered all the same.
 */
import { Violation } from "../observation.ts";

export interface HeldConnection {
  readonly requestsInWork: number;
  readonly heldBytes: number;
}

export interface HeldBounds {
  readonly connectionRequestsInWorkMax: number;
  readonly connectionBytesMax: number;
}

/** The largest frame and the largest answer of a run: a read of 1 MB with one batch more than was asked for. */
export const MESSAGE_BYTES_MAX = 2_100_000;

export function checkBytesHeld({ requestsInWork, heldBytes }: HeldConnection, bounds: HeldBounds): void {
  const { connectionRequestsInWorkMax, connectionBytesMax } = bounds;
  if (requestsInWork > connectionRequestsInWorkMax) {
    throw new Violation("I47", `${requestsInWork} requests in work; the limit is ${connectionRequestsInWorkMax}`);
  }
  const bytesMax = connectionBytesMax + (1 + connectionRequestsInWorkMax) * MESSAGE_BYTES_MAX;
  if (heldBytes < 0 || heldBytes > bytesMax) {
    throw new Violation("I47", `${heldBytes} bytes held; the limit and what is in work make ${bytesMax}`);
  }
}
