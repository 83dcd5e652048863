/** What a failed write means for a log. */
import { AssertionError } from "../../base/assert.ts";
import { isPlatformError, SentinelError } from "../../base/errors.ts";

/** Whether the disk or the process has no room now: the same may succeed later. */
export function isFull(thrown: unknown): boolean {
  return isPlatformError(thrown, "no_space") || isPlatformError(thrown, "too_many_open_files");
}

/** What those hear whose records are taken back. A broken rule of our own is thrown on: it must not pass for a full disk. */
export function notStored(directory: string, thrown: unknown): SentinelError {
  if (thrown instanceof AssertionError) throw thrown;
  return new SentinelError("storage_error", `The log ${directory} could not store the records: ${textOf(thrown)}`, {
    cause: thrown,
  });
}

/** What everyone hears of a log that takes no more writes. */
export function writesEnded(directory: string, thrown: unknown): SentinelError {
  if (thrown instanceof SentinelError) return thrown;
  const detail = `The log ${directory} takes no more writes until a restart: ${textOf(thrown)}`;
  return new SentinelError("storage_error", detail, { cause: thrown });
}

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
