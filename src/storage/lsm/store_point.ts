/**
 * What the tree knows to be synced (design D3): so many bytes of the newest log and of the manifest. It is kept in the
 * form of a partition log's recovery point, two slots written in turn; a log's number stands where a segment's base offset
 * does, and the manifest's generation and bytes in the place of offsets.
 */
import type { Disk } from "../../platform/disk.ts";
import { type RecoveryPoint, RecoveryPointFile } from "../log/recovery_point.ts";
import { Mutex } from "../mutex.ts";

export interface StorePoint {
  readonly logNumber: number;
  readonly logBytes: number;
  readonly manifestGeneration: number;
  readonly manifestBytes: number;
  /** The tree was closed here, and nothing was written since. */
  readonly clean: boolean;
}

export function storePointOf(point: RecoveryPoint): StorePoint {
  return {
    logNumber: point.segmentBaseOffset,
    logBytes: point.position,
    manifestGeneration: point.endOffset,
    manifestBytes: point.logStartOffset,
    clean: point.clean,
  };
}

export class StorePointFile {
  readonly #file: RecoveryPointFile;
  readonly #mutex = new Mutex();
  /** What the file held when it was opened; null: nothing that can be used. */
  readonly found: StorePoint | null;

  private constructor(file: RecoveryPointFile, found: StorePoint | null) {
    this.#file = file;
    this.found = found;
  }

  static async open(disk: Disk, directory: string, identity: Uint8Array): Promise<StorePointFile> {
    const { file, point } = await RecoveryPointFile.open(disk, directory, identity);
    return new StorePointFile(file, point === null ? null : storePointOf(point));
  }

  /** Durable when it resolves. `make` is called when its turn has come: the newest moment goes last. */
  async write(make: () => StorePoint, slots: "next" | "both" = "next"): Promise<void> {
    await this.#mutex.run(async () => {
      const { logNumber, logBytes, manifestGeneration, manifestBytes, clean } = make();
      const point = {
        segmentBaseOffset: logNumber,
        position: logBytes,
        endOffset: manifestGeneration,
        logStartOffset: manifestBytes,
        clean,
      };
      await (slots === "both" ? this.#file.writeBoth(point) : this.#file.write(point));
    });
  }

  close(): Promise<void> {
    return this.#mutex.run(() => this.#file.close());
  }
}
