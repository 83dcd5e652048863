import { type ErrorCode, SentinelError } from "../../../src/base/errors.ts";

/** Lets the refusals pass that a parser's page names; everything else that is thrown is a failure. */
export function allowRefusals(thrown: unknown, codes: readonly ErrorCode[]): void {
  if (thrown instanceof SentinelError && codes.includes(thrown.code)) return;
  throw thrown;
}

/** The same for a promise. */
export async function refusalsAllowed(work: Promise<unknown>, codes: readonly ErrorCode[]): Promise<void> {
  try {
    await work;
  } catch (thrown) {
    allowRefusals(thrown, codes);
  }
}
