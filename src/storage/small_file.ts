import type { Disk, DiskFile } from "../platform/disk.ts";

/**
 * A whole small file, or null when it is missing or larger than `bytesMax`: a file that is no longer what it was is not
 * read into memory.
 */
export async function readSmallFile(disk: Disk, path: string, bytesMax: number): Promise<Uint8Array | null> {
  const status = await disk.status(path);
  if (status === null || status.kind !== "file" || status.sizeBytes > bytesMax) return null;
  const file = await disk.open(path, "read");
  try {
    const bytes = new Uint8Array(status.sizeBytes);
    return bytes.subarray(0, await file.readAt(0, bytes));
  } finally {
    await file.close();
  }
}

/** Replaces a file as a whole: after a crash it is the old one or the new one. Durable when it resolves. */
export async function replaceFile(disk: Disk, directory: string, name: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${directory}/${name}.tmp`;
  const file: DiskFile = await disk.open(temporary, "write");
  try {
    await file.truncate(0);
    await file.writeAt(0, [bytes]);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(temporary, `${directory}/${name}`);
  await disk.syncDirectory(directory);
}
