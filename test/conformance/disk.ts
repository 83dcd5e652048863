/** What every `Disk` must do. An adapter's test gives a maker of disks and of empty directories. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PlatformErrorCode } from "../../src/base/errors.ts";
import { isPlatformError } from "../../src/base/errors.ts";
import type { Disk } from "../../src/platform/disk.ts";

export interface DiskUnderTest extends AsyncDisposable {
  readonly disk: Disk;
  /** An empty directory on it. */
  readonly directory: string;
}

const bytesOf = (...values: number[]): Uint8Array => Uint8Array.from(values);

/** `length` bytes that tell their own position, so that a read from the wrong place is seen. */
export function pattern(position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = Math.imul(position + index, 2654435761) >>> 24;
  return bytes;
}

export async function rejectsWith(code: PlatformErrorCode, work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, (thrown) => {
    assert.ok(isPlatformError(thrown, code), `wanted ${code}, got ${thrown}`);
    return true;
  });
}

export function describeDisk(name: string, makeDisk: () => Promise<DiskUnderTest>): void {
  const scenario = (title: string, run: (disk: Disk, directory: string) => Promise<void>): void => {
    test(`${name}: ${title}`, async () => {
      await using made = await makeDisk();
      await run(made.disk, made.directory);
    });
  };

  scenario("readAt() returns what writeAt() put, across slices, and stops at the end", async (disk, directory) => {
    const file = await disk.open(`${directory}/a`, "create");
    await file.writeAt(0, [bytesOf(1, 2), new Uint8Array(0), bytesOf(3), bytesOf(4, 5, 6)]);
    const into = new Uint8Array(4);
    assert.equal(await file.readAt(1, into), 4);
    assert.deepEqual(into, bytesOf(2, 3, 4, 5));
    assert.equal(await file.readAt(4, into), 2);
    assert.equal(await file.readAt(6, into), 0);
    assert.equal(await file.readAt(1000, into), 0);
    assert.equal(await file.readAt(0, new Uint8Array(0)), 0);
    assert.equal(await file.sizeBytes(), 6);
    await file.close();
  });

  scenario("writeAt() takes more slices than one system call may", async (disk, directory) => {
    const file = await disk.open(`${directory}/a`, "create");
    for (const sliceCount of [1023, 1024, 1025, 5000]) {
      const slices = Array.from({ length: sliceCount }, (_, index) => pattern(index * 7, 7));
      await file.writeAt(3, slices);
      const into = new Uint8Array(sliceCount * 7);
      assert.equal(await file.readAt(3, into), into.length);
      assert.deepEqual(into, pattern(0, into.length));
    }
    await file.close();
  });

  scenario(
    "writeAt() behind the end leaves zeros between, and over the middle changes only that",
    async (disk, directory) => {
      const file = await disk.open(`${directory}/a`, "create");
      await file.writeAt(100_000, [bytesOf(9)]);
      await file.writeAt(2, [bytesOf(7, 8)]);
      const into = new Uint8Array(100_001);
      assert.equal(await file.readAt(0, into), 100_001);
      const wanted = new Uint8Array(100_001);
      wanted.set([7, 8], 2);
      wanted[100_000] = 9;
      assert.deepEqual(into, wanted);
      await file.close();
    },
  );

  scenario("truncate() cuts, and what grows again over the cut is zeros", async (disk, directory) => {
    const file = await disk.open(`${directory}/a`, "create");
    await file.writeAt(0, [pattern(0, 200_000)]);
    await file.truncate(70_000);
    assert.equal(await file.sizeBytes(), 70_000);
    await file.truncate(70_010);
    const into = new Uint8Array(20);
    assert.equal(await file.readAt(69_995, into), 15);
    assert.deepEqual(into.subarray(0, 5), pattern(69_995, 5));
    assert.deepEqual(into.subarray(5, 15), new Uint8Array(10));
    await file.truncate(0);
    await file.writeAt(0, [bytesOf(1)]);
    assert.equal(await file.sizeBytes(), 1);
    await file.close();
  });

  scenario("open() keeps the three modes apart", async (disk, directory) => {
    await rejectsWith("not_found", disk.open(`${directory}/a`, "read"));
    await rejectsWith("not_found", disk.open(`${directory}/none/a`, "create"));
    const created = await disk.open(`${directory}/a`, "create");
    await created.writeAt(0, [bytesOf(5)]);
    await rejectsWith("already_exists", disk.open(`${directory}/a`, "create"));
    const written = await disk.open(`${directory}/a`, "write");
    assert.equal(await written.sizeBytes(), 1);
    const read = await disk.open(`${directory}/a`, "read");
    await rejectsWith("permission_denied", read.writeAt(0, [bytesOf(1)]));
    await rejectsWith("permission_denied", read.truncate(0));
    await read.sync();
    assert.equal(await read.sizeBytes(), 1);
    const made = await disk.open(`${directory}/b`, "write");
    assert.equal(await made.sizeBytes(), 0);
    for (const file of [created, written, read, made]) await file.close();
    await rejectsWith("not_a_directory", disk.open(`${directory}/a/b`, "write"));
  });

  scenario("close() waits for what runs, may come twice, and ends the file", async (disk, directory) => {
    const file = await disk.open(`${directory}/a`, "create");
    const running = Promise.all([file.writeAt(0, [pattern(0, 1_000_000)]), file.sync()]);
    const closed = file.close();
    await rejectsWith("closed", file.readAt(0, new Uint8Array(1)));
    await rejectsWith("closed", file.writeAt(0, [bytesOf(1)]));
    await rejectsWith("closed", file.sync());
    await rejectsWith("closed", file.truncate(0));
    await rejectsWith("closed", file.sizeBytes());
    await Promise.all([running, closed, file.close()]);
    assert.deepEqual(await disk.status(`${directory}/a`), { kind: "file", sizeBytes: 1_000_000 });
  });

  scenario("reads beside writes and syncs return the bytes of their own place", async (disk, directory) => {
    const file = await disk.open(`${directory}/a`, "create");
    await file.writeAt(0, [pattern(0, 400_000)]);
    let isWriting = true;
    const write = async (): Promise<void> => {
      for (let round = 0; round < 100; round++) {
        await file.writeAt(400_000 + round * 1000, [pattern(round, 400), pattern(round, 600)]);
      }
      isWriting = false;
    };
    const sync = async (): Promise<void> => {
      while (isWriting) await file.sync();
    };
    const read = async (reader: number): Promise<void> => {
      for (let round = 0; round < 200; round++) {
        const position = (reader * 7919 + round * 104_729) % 399_000;
        const into = new Uint8Array(1000);
        assert.equal(await file.readAt(position, into), 1000);
        assert.deepEqual(into, pattern(position, 1000));
      }
    };
    await Promise.all([write(), sync(), ...[0, 1, 2, 3, 4, 5, 6, 7].map(read)]);
    assert.equal(await file.sizeBytes(), 500_000);
    await file.close();
  });

  scenario("an open file survives that its name is removed or given to another", async (disk, directory) => {
    const first = await disk.open(`${directory}/first`, "create");
    await first.writeAt(0, [bytesOf(1)]);
    await disk.rename(`${directory}/first`, `${directory}/second`);
    const other = await disk.open(`${directory}/first`, "create");
    await other.writeAt(0, [bytesOf(2)]);
    await first.writeAt(1, [bytesOf(3)]);
    const into = new Uint8Array(2);
    assert.equal(await first.readAt(0, into), 2);
    assert.deepEqual(into, bytesOf(1, 3));
    await disk.remove(`${directory}/second`);
    assert.equal(await first.readAt(0, into), 2);
    await first.sync();
    await first.close();
    await other.close();
    assert.deepEqual(await disk.list(directory), ["first"]);
  });

  scenario("rename() replaces a file", async (disk, directory) => {
    for (const [name, value] of [["old", 1], ["new", 2]] as const) {
      const file = await disk.open(`${directory}/${name}`, "create");
      await file.writeAt(0, [bytesOf(value)]);
      await file.close();
    }
    await disk.rename(`${directory}/new`, `${directory}/old`);
    await disk.syncDirectory(directory);
    assert.deepEqual(await disk.list(directory), ["old"]);
    const file = await disk.open(`${directory}/old`, "read");
    const into = new Uint8Array(1);
    await file.readAt(0, into);
    await file.close();
    assert.deepEqual(into, bytesOf(2));
    await rejectsWith("not_found", disk.rename(`${directory}/none`, `${directory}/x`));
  });

  scenario("rename() moves a directory with what is in it", async (disk, directory) => {
    await disk.makeDirectory(`${directory}/a/b`);
    await (await disk.open(`${directory}/a/b/file`, "create")).close();
    await disk.rename(`${directory}/a`, `${directory}/c`);
    assert.deepEqual(await disk.list(`${directory}/c/b`), ["file"]);
    await disk.makeDirectory(`${directory}/full/x`);
    await rejectsWith("directory_not_empty", disk.rename(`${directory}/c`, `${directory}/full`));
  });

  scenario("makeDirectory() makes parents and is content with what is there", async (disk, directory) => {
    await disk.makeDirectory(`${directory}/a/b/c`);
    await disk.makeDirectory(`${directory}/a/b/c`);
    assert.deepEqual(await disk.status(`${directory}/a/b/c`), { kind: "directory", sizeBytes: 0 });
    await (await disk.open(`${directory}/file`, "create")).close();
    await rejectsWith("not_a_directory", disk.makeDirectory(`${directory}/file`));
    await rejectsWith("not_a_directory", disk.makeDirectory(`${directory}/file/below`));
  });

  scenario("list() sorts by code unit and names only what is there", async (disk, directory) => {
    for (const name of ["b", "a", "B", "10", "9", "é", "_"]) {
      await (await disk.open(`${directory}/${name}`, "create")).close();
    }
    await disk.makeDirectory(`${directory}/c`);
    assert.deepEqual(await disk.list(directory), ["10", "9", "B", "_", "a", "b", "c", "é"]);
    await rejectsWith("not_found", disk.list(`${directory}/none`));
    await rejectsWith("not_a_directory", disk.list(`${directory}/a`));
  });

  scenario("remove() takes a file or an empty directory", async (disk, directory) => {
    await disk.makeDirectory(`${directory}/a/b`);
    await rejectsWith("directory_not_empty", disk.remove(`${directory}/a`));
    await disk.remove(`${directory}/a/b`);
    await disk.remove(`${directory}/a`);
    await (await disk.open(`${directory}/file`, "create")).close();
    await disk.remove(`${directory}/file`);
    await rejectsWith("not_found", disk.remove(`${directory}/file`));
    assert.deepEqual(await disk.list(directory), []);
  });

  scenario("status() is null where nothing is", async (disk, directory) => {
    assert.equal(await disk.status(`${directory}/none`), null);
    await (await disk.open(`${directory}/file`, "create")).close();
    assert.equal(await disk.status(`${directory}/file/below`), null);
    assert.deepEqual(await disk.status(`${directory}/file`), { kind: "file", sizeBytes: 0 });
  });

  scenario("syncDirectory() wants a directory", async (disk, directory) => {
    await disk.syncDirectory(directory);
    await rejectsWith("not_found", disk.syncDirectory(`${directory}/none`));
    await (await disk.open(`${directory}/file`, "create")).close();
    await rejectsWith("not_a_directory", disk.syncDirectory(`${directory}/file`));
  });

  scenario("lock() has one holder, also within a process", async (disk, directory) => {
    const lock = await disk.lock(`${directory}/.lock`);
    await rejectsWith("locked", disk.lock(`${directory}/.lock`));
    await lock.release();
    await lock.release();
    const next = await disk.lock(`${directory}/.lock`);
    await lock.release();
    await rejectsWith("locked", disk.lock(`${directory}/.lock`));
    await next.release();
  });

  scenario("space() is what the disk has, and has left", async (disk, directory) => {
    const { totalBytes, freeBytes } = await disk.space(directory);
    assert.ok(Number.isSafeInteger(freeBytes) && freeBytes > 0, String(freeBytes));
    assert.ok(totalBytes === null || (Number.isSafeInteger(totalBytes) && totalBytes >= freeBytes), String(totalBytes));
    await rejectsWith("not_found", disk.space(`${directory}/none`));
  });
}
