import { isatty } from "node:tty";
import type { Terminal } from "../../src/platform/terminal.ts";
import { sentinelEnvironment } from "../node/environment.ts";
import { errnoName, platformError } from "../node/errors.ts";

/** The callback comes when the bytes are with the operating system; the same failure is also an `error` event. */
function write(stream: NodeJS.WriteStream, name: string, bytes: Uint8Array): Promise<boolean> {
  if (stream.listenerCount("error") === 0) stream.on("error", () => {});
  return new Promise((resolve, reject) => {
    stream.write(bytes, (error) => {
      if (!error) resolve(true);
      else if (stream.destroyed || errnoName(error) === "EPIPE") resolve(false);
      else reject(platformError(error, "write to", name));
    });
  });
}

/** The process around a command, by Bun. */
export function bunTerminal(): Terminal {
  return {
    args: Bun.argv.slice(2),
    environment: sentinelEnvironment(process.env),
    processId: process.pid,
    stdinIsTerminal: isatty(0),
    stdoutIsTerminal: isatty(1),
    stderrIsTerminal: isatty(2),
    stdin: () => Bun.stdin.stream(),
    writeOut: (bytes) => write(process.stdout, "standard output", bytes),
    writeError: (bytes) => write(process.stderr, "standard error", bytes),
    onStop(run) {
      const interrupted = (): void => run("SIGINT");
      const terminated = (): void => run("SIGTERM");
      process.on("SIGINT", interrupted);
      process.on("SIGTERM", terminated);
      return () => {
        process.off("SIGINT", interrupted);
        process.off("SIGTERM", terminated);
      };
    },
    exitNow: (code) => process.exit(code),
  };
}
