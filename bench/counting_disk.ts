import type { Disk } from "../src/platform/disk.ts";

export interface DiskCounts {
  writtenBytes: number;
}

/** A disk that counts what is written through it. */
export function countingDisk(disk: Disk): { readonly disk: Disk; readonly counts: DiskCounts } {
  const counts: DiskCounts = { writtenBytes: 0 };
  const counting: Disk = {
    list: (path) => disk.list(path),
    status: (path) => disk.status(path),
    makeDirectory: (path) => disk.makeDirectory(path),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    syncDirectory: (path) => disk.syncDirectory(path),
    lock: (path) => disk.lock(path),
    space: (path) => disk.space(path),
    async open(path, mode) {
      const file = await disk.open(path, mode);
      return {
        readAt: (position, into) => file.readAt(position, into),
        writeAt: (position, slices) => {
          for (const { length } of slices) counts.writtenBytes += length;
          return file.writeAt(position, slices);
        },
        sync: () => file.sync(),
        truncate: (sizeBytes) => file.truncate(sizeBytes),
        sizeBytes: () => file.sizeBytes(),
        close: () => file.close(),
      };
    },
  };
  return { disk: counting, counts };
}
