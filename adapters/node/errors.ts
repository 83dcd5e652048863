/**
 * One table from the operating system's error names to `PlatformErrorCode`s. Bun and Deno put the name in different
 * places, and Deno gives some failures (EFBIG, EDQUOT, EINTR) no `code` at all, only `os error 27` in the text.
 */
import { constants } from "node:os";
import { PlatformError, type PlatformErrorCode } from "../../src/base/errors.ts";

const CODES: Readonly<Record<string, PlatformErrorCode>> = {
  ENOENT: "not_found",
  EEXIST: "already_exists",
  ENOSPC: "no_space",
  EDQUOT: "no_space",
  EFBIG: "no_space",
  EMFILE: "too_many_open_files",
  ENFILE: "too_many_open_files",
  EACCES: "permission_denied",
  EPERM: "permission_denied",
  EROFS: "permission_denied",
  ENOTDIR: "not_a_directory",
  ENOTEMPTY: "directory_not_empty",
  EBADF: "closed",
  EADDRINUSE: "address_in_use",
  EADDRNOTAVAIL: "address_not_available",
  EHOSTUNREACH: "address_not_available",
  ENETUNREACH: "address_not_available",
  ECONNREFUSED: "connection_refused",
  ECONNRESET: "connection_reset",
  ECONNABORTED: "connection_reset",
  EPIPE: "connection_reset",
  ENOTFOUND: "name_not_found",
  EAI_AGAIN: "name_not_found",
  EAI_NONAME: "name_not_found",
  ETIMEDOUT: "timed_out",
};

/** Names that only Deno's error classes carry. */
const DENO_CLASSES: Readonly<Record<string, string>> = {
  BadResource: "EBADF",
  NotADirectory: "ENOTDIR",
  ConnectionReset: "ECONNRESET",
  ConnectionAborted: "ECONNABORTED",
  BrokenPipe: "EPIPE",
  TimedOut: "ETIMEDOUT",
};

const NAMES_BY_NUMBER = new Map<number, string>(
  Object.entries(constants.errno).map(([name, number]) => [number, name]),
);

/** The operating system's name of a failure (`ENOENT`), or null when nothing in the error tells it. */
export function errnoName(thrown: unknown): string | null {
  if (!(thrown instanceof Error)) return null;
  const { code, errno } = thrown as { code?: unknown; errno?: unknown };
  if (typeof code === "string" && (code in CODES || code.startsWith("E")) && !code.startsWith("ERR_")) return code;
  const number = /\(os error (\d+)\)/.exec(thrown.message)?.[1];
  if (number !== undefined) return NAMES_BY_NUMBER.get(Number(number)) ?? null;
  if (typeof errno === "number" && errno !== 0) return NAMES_BY_NUMBER.get(Math.abs(errno)) ?? null;
  if (thrown.message.startsWith("failed to lookup address information")) return "ENOTFOUND";
  return DENO_CLASSES[thrown.name] ?? null;
}

/** Any failure of a runtime's call as a `PlatformError`; what has no name of its own is `io`. */
export function platformError(thrown: unknown, operation: string, subject: string): PlatformError {
  if (thrown instanceof PlatformError) return thrown;
  const name = errnoName(thrown);
  const code = (name === null ? undefined : CODES[name]) ?? "io";
  return new PlatformError(code, operation, subject, { cause: thrown, ...(name === null ? {} : { detail: name }) });
}
