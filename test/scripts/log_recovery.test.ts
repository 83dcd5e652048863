import { BATCH_HEADER_BYTES } from "../../src/records/record_batch.ts";
import type { SegmentLog } from "../../src/storage/log/segment_log.ts";
import { FaultyDisk } from "../storage/faulty_disk.ts";
import type { CrashMode } from "../storage/faulty_disk.ts";
import { batchOf, DIRECTORY, newLog, openLog, readAll } from "../storage/log_fixture.ts";
import { runScripts } from "./run_scripts.ts";

/** Batches of this many bytes: positions in scripts are easy to tell. */
const BATCH_BYTES = 100;
const RECORD_FRONT_BYTES = 7;
const SETTINGS = { segmentBytes: 300, indexIntervalBytes: 0 };

/**
 * `create` · `append COUNT [epoch]` (synced) · `write COUNT [epoch]` (not synced) · `crash kill|lost` · `open` · `close` ·
 * `truncate OFFSET` · `trim OFFSET` · `read` · `files` · `epochs` · `flip|cut|pad|remove FILE [NUMBER]`
 */
class LogInterpreter {
  #disk = new FaultyDisk();
  #log: SegmentLog | null = null;
  #seed = 0;

  async run(command: string, words: readonly string[]): Promise<string> {
    const [first = "", second = ""] = words;
    switch (command) {
      case "create":
        this.#log = await newLog(this.#disk, SETTINGS);
        return this.#ends();
      case "open":
        return await this.#open();
      case "append":
      case "write":
        return await this.#append(Number(first), Number(second), command === "append");
      case "close":
        await this.#opened.close();
        return "";
      case "crash":
        this.#disk = this.#disk.crash(first as CrashMode);
        return "";
      case "truncate":
        await this.#opened.truncateFrom(Number(first));
        return this.#ends();
      case "trim":
        await this.#opened.trimBefore(Number(first));
        return this.#ends();
      case "read":
        return (await readAll(this.#opened)).map(({ baseOffset, leaderEpoch }) =>
          `${baseOffset} in epoch ${leaderEpoch}`
        ).join("\n");
      case "files":
        return await this.#files();
      case "epochs":
        return new TextDecoder().decode(this.#disk.bytesOf(`${DIRECTORY}/leader-epoch-checkpoint`)).trimEnd();
      default:
        return await this.#damage(command, `${DIRECTORY}/${first}`, Number(second));
    }
  }

  get #opened(): SegmentLog {
    if (this.#log === null) throw new Error("No log is open");
    return this.#log;
  }

  #ends(): string {
    const { startOffset, durableOffset, endOffset } = this.#opened;
    return `start ${startOffset} durable ${durableOffset} end ${endOffset}`;
  }

  async #open(): Promise<string> {
    const { log, report } = await openLog(this.#disk, SETTINGS);
    this.#log = log;
    return `${this.#ends()}\nsegments ${report.segments} cut ${report.cutBytes} rewritten ${report.rewrittenBytes}`;
  }

  async #append(count: number, epoch: number, isSynced: boolean): Promise<string> {
    for (let appended = 0; appended < count; appended++) {
      const batch = batchOf(this.#seed++, { valueBytes: BATCH_BYTES - BATCH_HEADER_BYTES - RECORD_FRONT_BYTES });
      this.#opened.appendAsLeader(batch, epoch);
      await (isSynced ? this.#opened.flush() : this.#opened.flushToSystem());
    }
    return this.#ends();
  }

  async #files(): Promise<string> {
    const lines = [];
    for (const name of await this.#disk.list(DIRECTORY)) {
      if (/\.(log|index|timeindex)$/.test(name)) {
        lines.push(`${name} ${this.#disk.bytesOf(`${DIRECTORY}/${name}`).length}`);
      }
    }
    return lines.join("\n");
  }

  async #damage(command: string, path: string, number: number): Promise<string> {
    if (command === "remove") {
      await this.#disk.remove(path);
      return "";
    }
    const bytes = this.#disk.bytesOf(path);
    if (command === "flip") this.#disk.put(path, bytes.map((byte, at) => (at === number ? byte ^ 1 : byte)));
    else if (command === "cut") this.#disk.put(path, bytes.slice(0, number));
    else if (command === "pad") this.#disk.put(path, Uint8Array.from([...bytes, ...new Uint8Array(number)]));
    else throw new Error(`There is no command ${command}`);
    return `${this.#disk.bytesOf(path).length} bytes`;
  }
}

runScripts("log_recovery", () => {
  const interpreter = new LogInterpreter();
  return (command, words) => interpreter.run(command, words);
});
