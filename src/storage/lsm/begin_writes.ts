/**
 * What a start owes before the tree takes anything: the clean mark goes, then the first new log is there. It is done at
 * the start; on a full disk later, with the first write, flush or compaction that finds room. Until then the tree is read
 * as it lies, nothing in it changes, and a crash or a stop leaves what the start has found.
 */
import { AssertionError } from "../../base/assert.ts";
import type { DiskFile } from "../../platform/disk.ts";
import { isFull } from "../log/write_failures.ts";
import { Mutex } from "../mutex.ts";
import { LOG_HEADER_BYTES } from "./log_record.ts";
import { LogWriter } from "./log_writer.ts";
import type { StorePoint, StorePointFile } from "./store_point.ts";

interface Beginning {
  readonly pointFile: StorePointFile;
  /** What is known to be synced now, as a tree that takes writes has it. */
  readonly point: () => StorePoint;
  /** Makes the log that takes the first write, durably; null: there is one. */
  readonly makeLog: (() => Promise<LogWriter>) | null;
}

export class WritesBeginning {
  readonly #beginning: Beginning;
  readonly #mutex = new Mutex();
  readonly #wasClean: boolean;
  #isMarkGone = false;
  isDone = false;
  /** Told of the log that was made. */
  onLog: (log: LogWriter) => void = () => {};

  constructor(beginning: Beginning) {
    this.#beginning = beginning;
    this.#wasClean = beginning.pointFile.found?.clean === true;
  }

  /** Done when the tree may take writes. Fails as the disk does; with a full one it may be tried again. */
  run(): Promise<void> {
    return this.#mutex.run(async () => {
      if (this.isDone) return;
      const { pointFile, point, makeLog } = this.#beginning;
      if (!this.#isMarkGone) await pointFile.write(point, "both");
      this.#isMarkGone = true;
      if (makeLog !== null) {
        const log = await makeLog();
        this.onLog(log);
        const first = (): StorePoint => ({ ...point(), logNumber: log.number, logBytes: LOG_HEADER_BYTES });
        await orWhenThereIsRoom(() => pointFile.write(first));
      }
      this.isDone = true;
    });
  }

  /** For a stop before it was done: nothing was written since the last one, so its clean mark holds. */
  async restoreMark(): Promise<void> {
    const { pointFile, point } = this.#beginning;
    if (!this.#wasClean || !this.#isMarkGone) return;
    await orWhenThereIsRoom(() => pointFile.write(() => ({ ...point(), clean: true })));
  }
}

/** A recovery point that a full disk does not take lies lower than it could; the next start reads and writes more. */
export async function orWhenThereIsRoom(write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (thrown) {
    if (!isFull(thrown)) throw thrown;
  }
}

/** Stands where the log will be; nothing is ever written to it. */
export function unmadeLog(log: { readonly number: number; readonly path: string }): LogWriter {
  return new LogWriter({ ...log, file: NO_FILE, seed: 0, sizeBytes: LOG_HEADER_BYTES });
}

const refuse = (): Promise<never> => Promise.reject(new AssertionError("The log is not made"));
const NO_FILE: DiskFile = {
  readAt: refuse,
  writeAt: refuse,
  sync: refuse,
  truncate: refuse,
  sizeBytes: refuse,
  close: () => Promise.resolve(),
};
