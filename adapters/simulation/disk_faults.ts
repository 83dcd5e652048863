/** Faults of a simulated disk: what fails, how often, and what the failed operation did all the same. */
import { PlatformError } from "../../src/base/errors.ts";
import type { PlatformErrorCode } from "../../src/base/errors.ts";

export type DiskOperation =
  | "open"
  | "list"
  | "look at"
  | "make directory"
  | "rename"
  | "remove"
  | "sync directory"
  | "lock"
  | "measure"
  | "read"
  | "write"
  | "sync"
  | "truncate"
  | "close";

export interface DiskFault {
  readonly operation: DiskOperation;
  /** Part of the path; empty for every path. */
  readonly pathPart: string;
  readonly code: PlatformErrorCode;
  /** How many operations fail; `Infinity`: for ever. */
  readonly times: number;
  /**
   * What the failed operation did. `none`: nothing. `part`: the first half of a write. `all`: everything, only the answer
   * is wrong. `lost`: a sync whose pages count as written and are not, so that the next one succeeds and proves nothing.
   */
  readonly effect: "none" | "part" | "all" | "lost";
}

export class DiskFaults {
  readonly #left: { fault: DiskFault; times: number }[] = [];
  /** Faults that were met, by `operation code effect`. */
  readonly met = new Map<string, number>();
  /** Called for each operation that meets a fault. */
  onMet: ((fault: DiskFault, path: string) => void) | null = null;
  /** Open files of the process; more fail with `too_many_open_files`. */
  openFilesMax = Infinity;

  add(fault: DiskFault): void {
    this.#left.push({ fault, times: fault.times });
  }

  /** Heals the disk: what has failed stays failed, what comes works. */
  clear(): void {
    this.#left.length = 0;
    this.openFilesMax = Infinity;
  }

  /** The fault that this operation meets, or null. */
  take(operation: DiskOperation, path: string): DiskFault | null {
    const at = this.#left.findIndex(({ fault }) => fault.operation === operation && path.includes(fault.pathPart));
    if (at < 0) return null;
    const entry = this.#left[at]!;
    entry.times -= 1;
    if (entry.times <= 0) this.#left.splice(at, 1);
    const name = `${operation} ${entry.fault.code} ${entry.fault.effect}`;
    this.met.set(name, (this.met.get(name) ?? 0) + 1);
    this.onMet?.(entry.fault, path);
    return entry.fault;
  }
}

export function faultError(fault: DiskFault, path: string): PlatformError {
  return new PlatformError(fault.code, fault.operation, path, { detail: "a fault of the simulation" });
}
