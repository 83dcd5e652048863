import { SentinelError } from "../../base/errors.ts";

/**
 * Damage where bytes were known to be safe: below the recovery point, or anywhere after a clean stop. It is never cut
 * away (design D3): the partition goes offline, or a replica repairs it.
 */
export function corruption(path: string, position: number, detail: string): SentinelError {
  return new SentinelError("storage_error", `Damaged file ${path} at position ${position}: ${detail}`, {
    facts: { file: path, position },
  });
}
