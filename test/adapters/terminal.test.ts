import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { currentRuntime } from "./current.ts";

const CHILD = fileURLToPath(new URL("./terminal_child.ts", import.meta.url));

/** The tests' own environment may have variables of ours. */
function withoutOurs(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith("SENTINEL_")));
}

function start(work: string): { child: ChildProcess; error: () => string; said: (text: string) => Promise<void> } {
  const before = currentRuntime === "deno" ? ["run", "-A", "--no-check"] : [];
  const child = spawn(process.execPath, [...before, CHILD, work], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...withoutOurs(process.env), SENTINEL_PORT: "1", OTHER: "2" },
  });
  let error = "";
  let onText: () => void = () => {};
  child.stderr!.on("data", (chunk) => {
    error += String(chunk);
    onText();
  });
  const said = async (text: string): Promise<void> => {
    while (!error.includes(text)) await new Promise<void>((resolve) => onText = resolve);
  };
  return { child, error: () => error, said };
}

test("standard input goes to standard output byte for byte", { timeout: 30_000 }, async () => {
  const { child } = start("copy");
  const bytes = Buffer.from(Uint8Array.from({ length: 1_000_000 }, (_, at) => Math.imul(at, 2654435761) >>> 24));
  const chunks: Uint8Array[] = [];
  child.stdout!.on("data", (chunk) => chunks.push(chunk));
  child.stdin!.end(bytes);
  await once(child, "close");
  assert.equal(Buffer.compare(Buffer.concat(chunks), bytes), 0);
});

test("writeOut() waits for a slow reader and is false when the reader is gone", { timeout: 30_000 }, async () => {
  const { child, error, said } = start("flood");
  await said("wrote 16384\n");
  // Nobody reads: what was written stands still as soon as the pipe is full.
  for (let before = "", same = 0; same < 20; same = error() === before ? same + 1 : 0) {
    before = error();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.ok(!error().includes("wrote 1064960\n"), "more than 1 MiB was written that nobody read");
  child.stdout!.destroy();
  await said("reader gone");
  const [code] = await once(child, "close");
  assert.equal(code, 0);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(
    `onStop() hears ${signal} in place of the end; only SENTINEL_ variables are seen`,
    { timeout: 30_000 },
    async () => {
      const { child, error, said } = start("signal");
      await said("\n");
      assert.equal(error(), `ready [["SENTINEL_PORT","1"]] false ${child.pid}\n`);
      // Not `child.kill`: Deno then takes the child for killed, whatever its end.
      process.kill(child.pid!, signal);
      const [code] = await once(child, "close");
      assert.equal(code, 0);
      assert.match(error(), new RegExp(`got ${signal}`));
    },
  );
}

test("exitNow() ends with its code", { timeout: 30_000 }, async () => {
  const [code] = await once(start("exit").child, "close");
  assert.equal(code, 7);
});
