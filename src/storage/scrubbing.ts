/**
 * Reading cold data again before anybody asks for it: rot that is found while there is a copy, a backup or a replica can
 * still be mended. A storage engine says which of its files are cold and how one is checked; who paces it is the broker's.
 */
import { LIMITS } from "../base/limits.ts";
import type { DiskFile } from "../platform/disk.ts";

/** A place that is not what was written. */
export interface Damage {
  readonly path: string;
  readonly position: number;
  readonly detail: string;
  /** It was a cache, and it was made anew from what is sound. */
  readonly isMended: boolean;
}

/** Lets so many bytes a second through. */
export interface ScrubPace {
  /** Resolves when so many bytes may be read. Fails with `shutting_down` when nothing more is to be read. */
  take(bytes: number): Promise<void>;
}

/** One file to be read. */
export interface ScrubUnit {
  readonly path: string;
  readonly sizeBytes: number;
  /**
   * Reads all of it from the disk, whatever was checked before. What is wrong with it, nothing for most; null when it was
   * deleted, cleaned or cut meanwhile, so that what was read means nothing.
   */
  scrub(pace: ScrubPace): Promise<readonly Damage[] | null>;
}

/** What an engine offers of one partition, or of one tree. */
export interface Scrubbing {
  /** Bytes of cold files. */
  readonly coldBytes: number;
  /** What the last scrub of each file that is still there has found, but for what was mended. */
  readonly damage: readonly Damage[];
  /** The cold files of now, in the order of their paths. */
  units(): ScrubUnit[];
}

/** A file whose reads wait for their turn. */
export function pacedFile(file: Pick<DiskFile, "readAt">, pace: ScrubPace): Pick<DiskFile, "readAt"> {
  return {
    async readAt(position, into) {
      // Large reads go in slices, so that the device is never kept busy for long.
      for (let at = 0; at < into.length;) {
        const slice = into.subarray(at, at + LIMITS.scrubSliceBytes);
        await pace.take(slice.length);
        const count = await file.readAt(position + at, slice);
        at += count;
        if (count < slice.length) return at;
      }
      return into.length;
    },
  };
}
