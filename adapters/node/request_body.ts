import { SentinelError } from "../../src/base/errors.ts";
import type { Clock } from "../../src/platform/clock.ts";

export interface BodyStreamOptions {
  readonly clock: Clock;
  /** Time from now until the body must be there whole. */
  readonly bodyMsMax: number;
  /** The next piece, null at the end. */
  readonly next: () => Promise<Uint8Array<ArrayBuffer> | null>;
  /** The body has failed, or nobody wants the rest. */
  readonly onGivenUp: () => void;
}

/** A body that is read as the handler asks for it, in its time. What fails it is what its reader gets. */
export function bodyStream(options: BodyStreamOptions): ReadableStream<Uint8Array<ArrayBuffer>> {
  let fail: (reason: SentinelError) => void = () => {};
  const late = new Promise<never>((_, reject) => fail = reject);
  // Nobody may be reading when the time is over.
  late.catch(() => {});
  const cancelTimer = options.clock.after(options.bodyMsMax, () => {
    fail(new SentinelError("timed_out", `The body did not arrive within ${options.bodyMsMax} ms`));
  });
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      try {
        const piece = await Promise.race([options.next(), late]);
        if (piece !== null) return controller.enqueue(piece);
        cancelTimer();
        controller.close();
      } catch (thrown) {
        cancelTimer();
        options.onGivenUp();
        controller.error(thrown);
      }
    },
    cancel() {
      cancelTimer();
      options.onGivenUp();
    },
  }, { highWaterMark: 0 });
}

/** What a body's reader gets when more comes than `bytesMax`. */
export function bodyTooLarge(bytesMax: number): SentinelError {
  return new SentinelError("too_large", `The body is larger than ${bytesMax} bytes`, { facts: { limit: bytesMax } });
}
