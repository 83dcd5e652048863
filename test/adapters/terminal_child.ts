/** A process of its own whose streams and signals the terminal's test holds. The last argument says what to do. */
import { readFileSync } from "node:fs";
import { currentTerminal } from "./current.ts";

/** Whether the kernel would give this process the signal rather than end it (proc(5), SigCgt). */
function isCaught(signalNumber: number): boolean {
  const mask = /SigCgt:\s*([0-9a-f]+)/.exec(readFileSync("/proc/self/status", "utf8"))![1]!;
  return (BigInt(`0x${mask}`) >> BigInt(signalNumber - 1) & 1n) === 1n;
}

const terminal = await currentTerminal();
const encoder = new TextEncoder();
const say = (text: string): Promise<boolean> => terminal.writeError(encoder.encode(text));

switch (terminal.args.at(-1)) {
  case "copy":
    for await (const chunk of terminal.stdin()) await terminal.writeOut(chunk);
    break;
  case "flood": {
    let writtenBytes = 0;
    const chunk = new Uint8Array(16 * 1024);
    while (await terminal.writeOut(chunk)) {
      writtenBytes += chunk.length;
      await say(`wrote ${writtenBytes}\n`);
    }
    await say("reader gone\n");
    break;
  }
  case "signal": {
    const keepAlive = setInterval(() => {}, 1_000);
    const cancel = terminal.onStop(async (signal) => {
      clearInterval(keepAlive);
      await say(`got ${signal}\n`);
      cancel();
    });
    // Handlers may be in place a moment after the call: the kernel knows when.
    while (!isCaught(2) || !isCaught(15)) await new Promise((resolve) => setTimeout(resolve, 1));
    await say(
      `ready ${JSON.stringify([...terminal.environment])} ${terminal.stdoutIsTerminal} ${terminal.processId}\n`,
    );
    break;
  }
  case "exit":
    terminal.exitNow(7);
}
