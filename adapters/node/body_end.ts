/** Tells a body that is complete from one that is still being made: a `Response` itself does not. */

export type BodyReader = ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
export type BodyRead = Awaited<ReturnType<BodyReader["read"]>>;

/** Turns of the microtask queue that a body which is complete may need to say so. */
const TURNS_TO_END = 8;

/** Whether a stream of which one piece was read ends with it, without waiting for anything outside. */
export async function endsSoon(second: Promise<BodyRead>): Promise<boolean> {
  let result: BodyRead | null = null;
  second.then((read) => result = read, () => {});
  for (let turn = 0; turn < TURNS_TO_END && result === null; turn++) await undefined;
  const read = result as BodyRead | null;
  return read !== null && read.done;
}
