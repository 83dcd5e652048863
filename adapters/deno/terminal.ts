import type { Terminal } from "../../src/platform/terminal.ts";
import { sentinelEnvironment } from "../node/environment.ts";
import { errnoName, platformError } from "../node/errors.ts";

async function write(stream: typeof Deno.stdout, name: string, bytes: Uint8Array): Promise<boolean> {
  try {
    for (let at = 0; at < bytes.length;) at += await stream.write(bytes.subarray(at));
    return true;
  } catch (thrown) {
    if (errnoName(thrown) === "EPIPE") return false;
    throw platformError(thrown, "write to", name);
  }
}

/** The process around a command, by Deno. */
export function denoTerminal(): Terminal {
  return {
    args: Deno.args,
    environment: sentinelEnvironment(Deno.env.toObject()),
    processId: Deno.pid,
    stdinIsTerminal: Deno.stdin.isTerminal(),
    stdoutIsTerminal: Deno.stdout.isTerminal(),
    stderrIsTerminal: Deno.stderr.isTerminal(),
    stdin: () => Deno.stdin.readable,
    writeOut: (bytes) => write(Deno.stdout, "standard output", bytes),
    writeError: (bytes) => write(Deno.stderr, "standard error", bytes),
    onStop(run) {
      const interrupted = (): void => run("SIGINT");
      const terminated = (): void => run("SIGTERM");
      Deno.addSignalListener("SIGINT", interrupted);
      Deno.addSignalListener("SIGTERM", terminated);
      return () => {
        Deno.removeSignalListener("SIGINT", interrupted);
        Deno.removeSignalListener("SIGTERM", terminated);
      };
    },
    exitNow: (code) => Deno.exit(code),
  };
}
