import type { Disk } from "../platform/disk.ts";
import { z } from "zod";
import {
  type Command,
  type CommandContext,
  EXIT_DONE,
  EXIT_FAILED,
  EXIT_WRONG_USAGE,
  fail,
  readFlags,
  refuse,
} from "./command.ts";
import type { Output } from "./output.ts";
import { Progress } from "./progress.ts";

/** What looks into a data directory without a broker. Each tells its lines as it finds them. */
export interface LogTools {
  /** One line a batch of a segment file; false when it ends in bytes that are no batch. */
  dumpSegment(disk: Disk, path: string, onLine: (line: string) => void): Promise<boolean>;
  /** One line for each thing found; what only says what the next start mends does not make the directory damaged. */
  verifyDataDirectory(
    disk: Disk,
    path: string,
    options: { readonly onFinding: (line: string) => void; readonly onProgress: (bytes: number) => void },
  ): Promise<{ readonly isWhole: boolean; readonly summary: string }>;
}

const logFlags = z.object({});

export function logCommand(tools: LogTools): Command {
  return {
    name: "log",
    summary: "Look into a segment file, or check a data directory",
    run: (context, args) => run(context, tools, args),
  };
}

const USAGE = `Usage:
  sentinel log dump <segment file>     Print the batches of a segment
  sentinel log verify <data dir>       Check every segment and the tree; exit 1 when something is damaged`;

async function run(context: CommandContext, tools: LogTools, args: readonly string[]): Promise<number> {
  if (args.some((argument) => /^--?h(elp)?$/.test(argument))) {
    await context.output.lineNow(USAGE);
    return EXIT_DONE;
  }
  const read = await readFlags(context, "log", logFlags, args);
  if (typeof read === "number") return read;
  const [action, path, ...more] = read.positionals;
  if ((action !== "dump" && action !== "verify") || path === undefined || more.length > 0) {
    await context.output.error(USAGE);
    return EXIT_WRONG_USAGE;
  }
  return action === "dump" ? await dump(context, tools, path) : await verify(context, tools, path);
}

async function dump(context: CommandContext, tools: LogTools, path: string): Promise<number> {
  const status = await context.platform.disk.status(path);
  if (status?.kind !== "file") return await refuse(context, `Error: ${path} is not a file`);
  const lines = new OrderedLines(context.output);
  try {
    const isWhole = await tools.dumpSegment(context.platform.disk, path, (line) => lines.add(line));
    await lines.end();
    return isWhole ? EXIT_DONE : EXIT_FAILED;
  } catch (thrown) {
    await lines.end();
    return await fail(context, "Failed to dump", thrown);
  }
}

async function verify(context: CommandContext, tools: LogTools, path: string): Promise<number> {
  const status = await context.platform.disk.status(path);
  if (status?.kind !== "directory") return await refuse(context, `Error: ${path} is not a directory`);
  const lines = new OrderedLines(context.output);
  const progress = new Progress(context.terminal, context.platform.clock, "bytes");
  try {
    const { isWhole, summary } = await tools.verifyDataDirectory(context.platform.disk, path, {
      onFinding: (line) => lines.add(line),
      onProgress: (bytes) => progress.show(bytes),
    });
    await progress.end();
    lines.add(summary);
    await lines.end();
    return isWhole ? EXIT_DONE : EXIT_FAILED;
  } catch (thrown) {
    await progress.end();
    await lines.end();
    return await fail(context, "Failed to verify", thrown);
  }
}

/** Lines from a callback that cannot wait: written while more come, one flush at a time. */
class OrderedLines {
  readonly #output: Output;
  #flushing: Promise<void> | null = null;

  constructor(output: Output) {
    this.#output = output;
  }

  add(line: string): void {
    this.#output.line(line);
    if (!this.#output.isFull || this.#flushing !== null) return;
    this.#flushing = this.#output.flush().then(() => {
      this.#flushing = null;
    });
  }

  async end(): Promise<void> {
    if (this.#flushing !== null) await this.#flushing;
    await this.#output.flush();
  }
}
