import type { Command } from "./command.ts";

/** The list of commands and some examples: the seeds' text (facts 1.6) with what they did not have. */
export function usage(commands: readonly Command[]): string {
  const rows = [...commands.map(({ name, summary }) => [name, summary] as const), ["help", "Show this help"] as const];
  return `Sentinel CLI - Distributed Log Streaming

Usage:
  sentinel <command> [options]

Commands:
${rows.map(([name, summary]) => `  ${name.padEnd(12)}${summary}`).join("\n")}

Examples:
  sentinel produce -topic events -message "Hello, World!"
  sentinel consume -topic events -from-beginning
  sentinel topics -list
  sentinel serve --port 9092 --data ./data

sentinel <command> -help lists a command's options.`;
}
