/** `sentinel log dump`: the batches of one segment file, a line each, with what does not fit. Changes nothing. */
import { SentinelError } from "../../base/errors.ts";
import type { Disk } from "../../platform/disk.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import { scanSegment } from "./scan_segment.ts";
import { parseSegmentFileName } from "./segment_file_name.ts";

export interface DumpOptions {
  readonly onBatch: (batch: RecordBatch, position: number) => void;
}

/** Where the dump ended; `fault` says why when that was before the end of the file. */
export interface DumpEnd {
  readonly position: number;
  readonly sizeBytes: number;
  readonly fault: string | null;
}

/** Fails with `storage_error` when the path is not a segment's `.log` file. */
export async function dumpSegment(disk: Disk, path: string, options: DumpOptions): Promise<DumpEnd> {
  const parsed = parseSegmentFileName(path.slice(path.lastIndexOf("/") + 1));
  if (parsed?.kind !== "log") {
    throw new SentinelError("storage_error", `The file ${path} is not a segment: its name is not 20 digits and .log`);
  }
  const status = await disk.status(path);
  if (status?.kind !== "file") throw new SentinelError("storage_error", `There is no file ${path}`);
  const file = await disk.open(path, "read");
  try {
    const end = await scanSegment(
      file,
      { from: 0, to: status.sizeBytes, expectedOffset: parsed.baseOffset, epochMin: -1, contiguous: false },
      (batch, position) => {
        options.onBatch(batch, position);
        return null;
      },
    );
    return { position: end.position, sizeBytes: status.sizeBytes, fault: end.fault };
  } finally {
    await file.close();
  }
}
