import { deepEqual, equal, match } from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { SentinelError } from "../../src/base/errors.ts";
import type { CliParts } from "../../src/cli/main.ts";
import { makeTemporaryDirectory } from "../adapters/temporary_directory.ts";
import { cli, noParts } from "./cli_run.ts";

/** Tools that tell these lines; `isWhole` is what they find in the end. */
function parts(lines: readonly string[], end: { isWhole?: boolean; error?: SentinelError } = {}): CliParts {
  const { isWhole = true, error } = end;
  const tell = (onLine: (line: string) => void): Promise<void> => {
    for (const line of lines) onLine(line);
    return error === undefined ? Promise.resolve() : Promise.reject(error);
  };
  return {
    ...noParts,
    logTools: {
      dumpSegment: (_disk, _path, onLine) => tell(onLine).then(() => isWhole),
      verifyDataDirectory: (_disk, _path, options) =>
        tell(options.onFinding).then(() => ({ isWhole, summary: "so much" })),
    },
  };
}

test("log dump prints the lines of a segment", async () => {
  await using directory = await makeTemporaryDirectory();
  const path = `${directory.path}/00000000000000000000.log`;
  await writeFile(path, "");
  deepEqual(await cli(["log", "dump", path], {}, parts(["a", "b"])), { code: 0, out: "a\nb\n", errors: "" });
  const many = Array.from({ length: 50_000 }, (_, index) => `line ${index}`);
  equal((await cli(["log", "dump", path], {}, parts(many))).out, `${many.join("\n")}\n`);
  deepEqual(await cli(["log", "dump", path], {}, parts(["a"], { isWhole: false })), {
    code: 1,
    out: "a\n",
    errors: "",
  });
  const failed = await cli(
    ["log", "dump", path],
    {},
    parts(["a"], { error: new SentinelError("storage_error", "broken") }),
  );
  deepEqual(failed, { code: 1, out: "a\n", errors: "Failed to dump: storage_error: broken\n" });
});

test("log verify ends with 1 when something is damaged", async () => {
  await using directory = await makeTemporaryDirectory();
  const run = (isWhole: boolean) => cli(["log", "verify", directory.path], {}, parts(["note: x"], { isWhole }));
  deepEqual(await run(true), { code: 0, out: "note: x\nso much\n", errors: "" });
  deepEqual(await run(false), { code: 1, out: "note: x\nso much\n", errors: "" });
});

test("log refuses paths that are not there, and other words", async () => {
  for (const args of [["log"], ["log", "dump"], ["log", "frob", "x"], ["log", "dump", "a", "b"]]) {
    const { code, errors } = await cli(args);
    equal(code, 2);
    match(errors, /^Usage:\n {2}sentinel log dump <segment file>/);
  }
  await using directory = await makeTemporaryDirectory();
  equal((await cli(["log", "dump", directory.path])).code, 2);
  equal((await cli(["log", "verify", `${directory.path}/x`])).code, 2);
  equal((await cli(["log", "--help"])).code, 0);
});
