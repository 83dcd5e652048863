import type { Disk } from "../../platform/disk.ts";
import { fileSeed } from "./file_seed.ts";
import { encodeLogHeader, LOG_HEADER_BYTES } from "./log_record.ts";
import { LogWriter } from "./log_writer.ts";

/**
 * Makes a new log. Durable, its name too, when it resolves; a file that is made only half is taken back, since the next
 * start would take it for the newest log.
 */
export async function createLog(
  place: { readonly disk: Disk; readonly directory: string; readonly identity: Uint8Array; readonly path: string },
  log: { readonly number: number; readonly previousSequence: number },
  orFail: (sync: () => Promise<void>) => Promise<void>,
): Promise<LogWriter> {
  const { disk, directory, identity, path } = place;
  const seed = fileSeed(identity, "log", log.number);
  const file = await disk.open(path, "create");
  try {
    await file.writeAt(0, [encodeLogHeader(log, seed)]);
    await orFail(() => file.sync());
    await orFail(() => disk.syncDirectory(directory));
  } catch (thrown) {
    await file.close();
    await orFail(async () => {
      await disk.remove(path);
      await disk.syncDirectory(directory);
    });
    throw thrown;
  }
  return new LogWriter({ number: log.number, path, file, seed, sizeBytes: LOG_HEADER_BYTES });
}
