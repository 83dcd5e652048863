/**
 * Files, as a log needs them. What each method makes durable, and who may call at once, is part of the contract: the
 * conformance suite (`test/conformance/disk.ts`) runs it against every adapter. All failures are `PlatformError`s.
 */

/** `read`: must exist. `write`: read and write, made when missing. `create`: read and write, must not exist. */
export type OpenMode = "read" | "write" | "create";

export interface FileStatus {
  readonly kind: "file" | "directory" | "other";
  readonly sizeBytes: number;
}

export interface DiskSpace {
  /** Null: there is no bound. */
  readonly totalBytes: number | null;
  /** What this process can still write. */
  readonly freeBytes: number;
}

export interface Disk {
  open(path: string, mode: OpenMode): Promise<DiskFile>;
  /** Names (not paths) in a directory, sorted by code unit. */
  list(directory: string): Promise<string[]>;
  /** Null when there is nothing. Symbolic links are not followed: they are `other`. */
  status(path: string): Promise<FileStatus | null>;
  /** Makes the directory and its parents, mode 0700; nothing happens when it exists. Durable after `syncDirectory` of the parent. */
  makeDirectory(path: string): Promise<void>;
  /** Atomic, replaces `to`. Durable after `syncDirectory` of the parent. */
  rename(from: string, to: string): Promise<void>;
  /** A file or an empty directory. `not_found` when there is nothing. Durable after `syncDirectory` of the parent. */
  remove(path: string): Promise<void>;
  /** Makes the directory's entries durable: what was created, renamed or removed in it. */
  syncDirectory(path: string): Promise<void>;
  /**
   * An exclusive lock on a file (made when missing) that every process on every runtime sees; freed by `release` or when
   * the process ends. `locked` when another holds it.
   */
  lock(path: string): Promise<DiskLock>;
  /** Of the file system that the path lies on. */
  space(path: string): Promise<DiskSpace>;
}

export interface DiskLock {
  release(): Promise<void>;
}

/** An open file. Reads may run at any time, beside each other, a write and a sync. One write or truncate at a time. */
export interface DiskFile {
  /** Fills `into` from `position`; the count is smaller only where the file ends. Never delayed by a sync that is running. */
  readAt(position: number, into: Uint8Array): Promise<number>;
  /**
   * Writes the slices one after another from `position`: all of them, or it fails and the bytes from `position` on are
   * unknown. The slices must not change until it is done. In the page cache afterwards, not durable.
   */
  writeAt(position: number, slices: readonly Uint8Array[]): Promise<void>;
  /**
   * Makes all data of completed writes, and the size needed to read it, durable (fdatasync). After a failure nothing is
   * known to be durable: never retry.
   */
  sync(): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  sizeBytes(): Promise<number>;
  /** Waits for running operations. Idempotent; later calls of the others fail with `closed`. */
  close(): Promise<void>;
}
