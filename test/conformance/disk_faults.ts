/** A real disk whose syncs stall, whose writes fail, and whose lock other processes want. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import type { Disk } from "../../src/platform/disk.ts";
import { makeTemporaryDirectory } from "../adapters/temporary_directory.ts";
import { pattern, rejectsWith } from "./disk.ts";

export interface DiskFaultsUnderTest {
  makeDisk(faults: {
    readonly beforeSync?: (path: string) => Promise<void>;
    readonly beforeWrite?: (path: string) => Promise<void>;
    readonly writeBytesMax?: number;
  }): Disk;
  /** Keeps one thread of the runtime's pool busy until the result is called. */
  occupyThread(fifo: string): () => void;
  /** Commands that run a TypeScript file, one for each runtime. */
  readonly runtimes: readonly (readonly string[])[];
}

const LOCK_HOLDER = fileURLToPath(new URL("../adapters/lock_holder.ts", import.meta.url));

/** Starts a process that takes the lock, and waits for what it says: `held` or `locked`. */
async function startHolder(command: readonly string[], path: string): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(command[0]!, [...command.slice(1), LOCK_HOLDER, path], { stdio: ["pipe", "pipe", "inherit"] });
  const [chunk] = await once(child.stdout!, "data");
  return { child, said: String(chunk).trim() };
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

export function describeDiskFaults(name: string, under: DiskFaultsUnderTest): void {
  test(`${name}: a stalled sync delays no read, write, list or open of any file`, async () => {
    await using directory = await makeTemporaryDirectory();
    let release: () => void = () => {};
    const stalled = new Promise<void>((resolve) => release = resolve);
    let stalls = 0;
    const disk = under.makeDisk({ beforeSync: () => (stalls++, stalled) });
    const files = await Promise.all([0, 1, 2, 3].map((index) => disk.open(`${directory.path}/${index}`, "create")));
    for (const file of files) await file.writeAt(0, [pattern(0, 1000)]);
    let synced = 0;
    const syncs = files.map((file) => file.sync().then(() => synced++));
    for (const file of files) {
      const into = new Uint8Array(1000);
      assert.equal(await file.readAt(0, into), 1000);
      assert.deepEqual(into, pattern(0, 1000));
      await file.writeAt(1000, [pattern(1000, 10)]);
    }
    assert.equal((await disk.list(directory.path)).length, 4);
    assert.ok(stalls > 0);
    assert.equal(synced, 0);
    release();
    await Promise.all(syncs);
    assert.equal(stalls, 4);
    for (const file of files) await file.close();
  });

  test(`${name}: as many threads as syncs may hold leave one for reads`, async () => {
    await using directory = await makeTemporaryDirectory();
    const disk = under.makeDisk({});
    const file = await disk.open(`${directory.path}/file`, "create");
    await file.writeAt(0, [pattern(0, 1000)]);
    const release = under.occupyThread(`${directory.path}/fifo`);
    const into = new Uint8Array(1000);
    assert.equal(await file.readAt(0, into), 1000);
    release();
    await file.close();
  });

  test(`${name}: syncs get their turn in the order in which they asked`, async () => {
    await using directory = await makeTemporaryDirectory();
    const order: string[] = [];
    const disk = under.makeDisk({
      beforeSync: (path) => {
        order.push(path.slice(-1));
        return Promise.resolve();
      },
    });
    const names = ["a", "b", "c", "d", "e"];
    const files = await Promise.all(names.map((each) => disk.open(`${directory.path}/${each}`, "create")));
    await Promise.all(files.map((file) => file.sync()));
    assert.deepEqual(order, names);
    for (const file of files) await file.close();
  });

  test(`${name}: a failed write has its own code, whatever form the runtime gives the error`, async () => {
    await using directory = await makeTemporaryDirectory();
    let failure: unknown = null;
    const disk = under.makeDisk({
      beforeWrite: () => (failure === null ? Promise.resolve() : Promise.reject(failure)),
    });
    const file = await disk.open(`${directory.path}/file`, "create");
    const forms: readonly (readonly [unknown, "no_space" | "io"])[] = [
      [Object.assign(new Error("no space left on device, write"), { code: "ENOSPC", errno: -28 }), "no_space"],
      [new Error("File too large (os error 27)"), "no_space"],
      [new Error("Disk quota exceeded (os error 122)"), "no_space"],
      [Object.assign(new Error("x"), { errno: -28 }), "no_space"],
      [new Error("Input/output error (os error 5)"), "io"],
      [new Error("something else"), "io"],
    ];
    for (const [form, code] of forms) {
      failure = form;
      await rejectsWith(code, file.writeAt(0, [pattern(0, 10)]));
    }
    failure = null;
    await file.writeAt(0, [pattern(0, 10)]);
    await file.close();
  });

  test(`${name}: a write that a signal interrupts is done again`, async () => {
    await using directory = await makeTemporaryDirectory();
    let interruptions = 3;
    const disk = under.makeDisk({
      beforeWrite: () =>
        interruptions-- > 0 ? Promise.reject(new Error("Interrupted system call (os error 4)")) : Promise.resolve(),
    });
    const file = await disk.open(`${directory.path}/file`, "create");
    await file.writeAt(0, [pattern(0, 10)]);
    const into = new Uint8Array(10);
    assert.equal(await file.readAt(0, into), 10);
    assert.deepEqual(into, pattern(0, 10));
    await file.close();
  });

  test(`${name}: the real full disk is no_space, and works again when there is room`, async () => {
    const disk = under.makeDisk({});
    const full = await disk.open("/dev/full", "write");
    await rejectsWith("no_space", full.writeAt(0, [pattern(0, 10)]));
    await full.close();
  });

  for (const command of under.runtimes) {
    test(`${name}: lock() excludes ${command[0]!.split("/").at(-1)}, and is free when its holder is killed`, {
      timeout: 30_000,
    }, async () => {
      await using directory = await makeTemporaryDirectory();
      const disk = under.makeDisk({});
      const path = `${directory.path}/.lock`;
      const holder = await startHolder(command, path);
      assert.equal(holder.said, "held");
      await rejectsWith("locked", disk.lock(path));
      await kill(holder.child);
      const lock = await disk.lock(path);
      const second = await startHolder(command, path);
      assert.equal(second.said, "locked");
      await kill(second.child);
      await lock.release();
    });
  }

  test(`${name}: files and directories are nobody else's`, async () => {
    const { stat } = await import("node:fs/promises");
    await using directory = await makeTemporaryDirectory();
    const disk = under.makeDisk({});
    await disk.makeDirectory(`${directory.path}/a/b`);
    await (await disk.open(`${directory.path}/a/file`, "create")).close();
    await (await disk.lock(`${directory.path}/a/.lock`)).release();
    for (const [path, mode] of [["a", 0o700], ["a/b", 0o700], ["a/file", 0o600], ["a/.lock", 0o600]] as const) {
      assert.equal((await stat(`${directory.path}/${path}`)).mode & 0o777, mode, path);
    }
  });
}
