/**
 * Assertions state what is true if the program is right. They stay on in production: a broker that goes on after one of
 * its own rules is broken may acknowledge what it has lost. A failed one is our bug, never a caller's fault; callers'
 * faults are `SentinelError`s.
 */

/** Thrown when one of the program's own rules does not hold. Nothing catches it to go on. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** States that `condition` holds; `message` says what was expected, with the values that disagree. */
export function assert(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw new AssertionError(typeof message === "string" ? message : message());
}

/** States that two values are equal, and prints both when they are not. */
export function assertEqual(
  actual: number | string | boolean,
  expected: number | string | boolean,
  what: string,
): void {
  if (actual !== expected) throw new AssertionError(`${what}: ${actual} is not ${expected}`);
}

/** For the last branch of a closed union: the compiler proves that it is never reached. */
export function unreachable(value: never): never {
  throw new AssertionError(`Unreachable value ${String(value)}`);
}
