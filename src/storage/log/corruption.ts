import { SentinelError } from "../../base/errors.ts";
import type { Damage } from "../scrubbing.ts";

/**
 * Damage where bytes were known to be safe: below the recovery point, or anywhere after a clean stop. It is never cut
 * away (design D3): the partition goes offline, or a replica repairs it.
 */
export function corruption(path: string, position: number, detail: string): SentinelError {
  return new SentinelError("storage_error", `${headOf(path, position)}${detail}`, { facts: { file: path, position } });
}

/** What `corruption` has told of a file; what any other failure says, as damage of the whole of it. */
export function damageOf(error: SentinelError, path: string): Damage {
  const { file, position } = error.facts;
  if (typeof file !== "string" || typeof position !== "number") {
    return { path, position: 0, detail: error.message, isMended: false };
  }
  return { path: file, position, detail: error.message.slice(headOf(file, position).length), isMended: false };
}

function headOf(path: string, position: number): string {
  return `Damaged file ${path} at position ${position}: `;
}
