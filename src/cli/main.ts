/** The program: arguments in, exit code out. An adapter gives it the platform and the terminal. */
import type { Platform } from "../platform/platform.ts";
import type { Terminal } from "../platform/terminal.ts";
import { benchCommand } from "./bench_command.ts";
import {
  type Command,
  type CommandContext,
  describeError,
  EXIT_DONE,
  EXIT_FAILED,
  EXIT_WRONG_USAGE,
} from "./command.ts";
import { consumeCommand } from "./consume_command.ts";
import { demoCommand } from "./demo_command.ts";
import { getCommand } from "./get_command.ts";
import { groupsCommand } from "./groups_command.ts";
import { logCommand, type LogTools } from "./log_command.ts";
import { Output } from "./output.ts";
import { produceCommand } from "./produce_command.ts";
import { serveCommand, type StartServer } from "./serve_command.ts";
import { topicsCommand } from "./topics_command.ts";
import { usage } from "./usage.ts";
import { PROGRAM_VERSION } from "../server/program.ts";

/** Commands that the design names and nobody has built. */
const NOT_BUILT: ReadonlySet<string> = new Set(["users", "acls", "tokens", "cluster"]);

/** What the commands use beyond the platform; a test puts others in. */
export interface CliParts {
  readonly startServer: StartServer;
  readonly logTools: LogTools;
}

/** Runs the command that `terminal.args` name; the exit code: 0 done, 1 failed, 2 wrong usage (design §5). Never fails. */
export async function runCli(platform: Platform, terminal: Terminal, parts: CliParts): Promise<number> {
  const output = new Output(terminal);
  const context: CommandContext = { platform, terminal, output };
  const serve = serveCommand(parts.startServer);
  const commands = [
    produceCommand,
    consumeCommand,
    getCommand,
    topicsCommand,
    groupsCommand,
    serve,
    logCommand(parts.logTools),
    benchCommand,
    demoCommand,
  ];
  const [first, ...rest] = terminal.args;
  try {
    if (first === undefined) {
      await output.lineNow(usage(commands));
      return EXIT_WRONG_USAGE;
    }
    if (/^(help|--?h|--?help)$/.test(first)) {
      await output.lineNow(usage(commands));
      return EXIT_DONE;
    }
    if (/^(version|--?version)$/.test(first)) {
      await output.lineNow(`sentinel ${PROGRAM_VERSION} (${platform.runtime})`);
      return EXIT_DONE;
    }
    // Two flags are all that is needed (facts X1): no command means serve.
    if (first.startsWith("-")) return await serve.run(context, terminal.args);
    const command = commands.find((candidate: Command) => candidate.name === first);
    if (command !== undefined) return await command.run(context, rest);
    await output.error(NOT_BUILT.has(first) ? `${first} is not built yet` : `Unknown command: ${first}`);
    if (!NOT_BUILT.has(first)) await output.lineNow(usage(commands));
    return EXIT_WRONG_USAGE;
  } catch (thrown) {
    await output.error(`Error: ${describeError(thrown)}`);
    return EXIT_FAILED;
  }
}
