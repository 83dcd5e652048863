import { PlatformError, SentinelError } from "../base/errors.ts";
import { connectNative, type NativeClient } from "../client/native_client.ts";
import type { Address } from "../platform/network.ts";
import type { Platform } from "../platform/platform.ts";
import type { Terminal } from "../platform/terminal.ts";
import type { z } from "zod";
import { describeFlags, readArguments, settleFlags } from "./flags.ts";
import type { Output } from "./output.ts";

/** What every command gets. */
export interface CommandContext {
  readonly platform: Platform;
  readonly terminal: Terminal;
  readonly output: Output;
}

/** How a process ends (design §5). */
export const EXIT_DONE = 0;
export const EXIT_FAILED = 1;
export const EXIT_WRONG_USAGE = 2;

export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** `args`: what follows the command's name. Returns the exit code. */
  run(context: CommandContext, args: readonly string[]): Promise<number>;
}

/** The values of a command's flags and its other arguments; a number is the exit code of a command that ends here. */
export async function readFlags<Schema extends z.ZodObject>(
  context: CommandContext,
  command: string,
  schema: Schema,
  args: readonly string[],
): Promise<{ readonly values: z.output<Schema>; readonly positionals: readonly string[] } | number> {
  const given = readArguments(schema, args);
  if (given.kind === "help") {
    await context.output.lineNow(`Usage of ${command}:\n${describeFlags(schema)}`.trimEnd());
    return EXIT_DONE;
  }
  if (given.kind === "fault") return await refuseUsage(context, command, schema, given.message);
  const settled = settleFlags(schema, given, { environment: context.terminal.environment });
  if (settled.kind === "fault") return await refuseUsage(context, command, schema, settled.message);
  return { values: settled.values, positionals: given.positionals };
}

/** Says what is wrong with the arguments, and what they may be. */
export async function refuseUsage(
  context: CommandContext,
  command: string,
  schema: z.ZodObject,
  message: string,
): Promise<number> {
  await context.output.error(`${message}\nUsage of ${command}:\n${describeFlags(schema)}`.trimEnd());
  return EXIT_WRONG_USAGE;
}

/** A mistake that one line explains. */
export async function refuse(context: CommandContext, message: string): Promise<number> {
  await context.output.error(message);
  return EXIT_WRONG_USAGE;
}

export async function fail(context: CommandContext, what: string, thrown: unknown): Promise<number> {
  await context.output.error(`${what}: ${describeError(thrown)}`);
  return EXIT_FAILED;
}

/** `unknown_topic: topic x does not exist`: the code that programs look at, and the text for people. */
export function describeError(thrown: unknown): string {
  if (thrown instanceof SentinelError || thrown instanceof PlatformError) return `${thrown.code}: ${thrown.message}`;
  return `internal: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
}

const BINARY_PORT = 9092;

/** `host:port`, `[::1]:port` or a host alone; null when it is neither. */
export function parseAddress(text: string): Address | null {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return null;
  const port = match[3] === undefined ? BINARY_PORT : Number(match[3]);
  return port > 65_535 ? null : { host: match[1] ?? match[2]!, port };
}

/** A connection to `-broker`, the caller's to close. Fails like `connectNative`. */
export async function connectTo(
  context: CommandContext,
  broker: string,
  options: { readonly requestTimeoutMs?: number } = {},
): Promise<NativeClient> {
  const address = parseAddress(broker);
  if (address === null) throw new SentinelError("invalid_request", `-broker ${broker} is not host:port`);
  const { network, clock } = context.platform;
  return await connectNative(network, clock, address, { clientName: "sentinel-cli", ...options });
}
