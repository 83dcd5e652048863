/** What all server entries do around their server: tell where it listens, and end when standard input does. */
import process from "node:process";
import type { ServerAddresses } from "../server_process.ts";

/** The entry's one argument. */
export function entryOptions<Options>(): Options {
  return JSON.parse(process.argv[2] ?? "{}") as Options;
}

/** Prints the addresses, waits for the end of standard input, stops the server and the process. */
export async function serveUntilInputEnds(addresses: ServerAddresses, stop: () => Promise<void>): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    process.stdin.on("end", () => resolve());
    process.stdin.on("error", () => resolve());
    process.stdin.resume();
  });
  process.stdout.write(`${JSON.stringify(addresses)}\n`);
  await ended;
  await stop();
  process.exit(0);
}
