import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { findCycle, findWrongImports, importsOf, MAY_IMPORT, MAY_IMPORT_PACKAGES } from "./layers.ts";
import { readSourceFiles } from "./source_files.ts";

test("every import in src/ is one that the layer table allows", async () => {
  const files = await readSourceFiles("src");
  ok(files.length > 0);
  equal(findWrongImports(files).join("\n"), "");
});

test("the layer table has no cycle", () => {
  deepEqual(findCycle(MAY_IMPORT), []);
  for (const layer of Object.keys(MAY_IMPORT_PACKAGES)) ok(layer in MAY_IMPORT, layer);
});

test("findCycle() names the layers of a planted cycle", () => {
  deepEqual(findCycle({ a: [], b: ["a", "c"], c: ["d"], d: ["b"] }), ["b", "c", "d"]);
});

test("importsOf() finds every form of import", () => {
  const text = [
    `import "./effects.ts";`,
    `import { a } from "./one.ts";`,
    `import type { B } from './two.ts';`,
    `import {`,
    `  c,`,
    `  type D,`,
    `} from "./three.ts";`,
    `export * from "./four.ts";`,
    `export {`,
    `  e,`,
    `} from "./five.ts";`,
    `const later = import("./six.ts");`,
    `type F = import("./seven.ts").F;`,
    `// import { no } from "./comment.ts";`,
    `/* import { no } from "./comment.ts"; */`,
    `export const from = "text";`,
  ].join("\n");
  const names = ["effects", "five", "four", "one", "seven", "six", "three", "two"];
  deepEqual(importsOf(text).sort(), names.map((name) => `./${name}.ts`));
});

test("findWrongImports() finds planted faults", () => {
  const wrong = (path: string, target: string) => findWrongImports([{ path, text: `import { a } from "${target}";` }]);
  for (
    const [path, target] of [
      ["src/base/a.ts", "../bytes/b.ts"],
      ["src/broker/a.ts", "../http/b.ts"],
      ["src/broker/a.ts", "../storage/log/b.ts"],
      ["src/http/a.ts", "../protocols/native/b.ts"],
      ["src/protocols/native/wire/a.ts", "../handlers.ts"],
      ["src/storage/a.ts", "./log/b.ts"],
      ["src/server/a.ts", "../../adapters/bun/disk.ts"],
      ["src/http/a.ts", "cborg"],
      ["src/broker/a.ts", "zod"],
      ["src/http/a.ts", "honolulu"],
      ["src/nowhere/a.ts", "../base/assert.ts"],
      ["src/broker/a.ts", "../nowhere/b.ts"],
    ] as const
  ) deepEqual(wrong(path, target), [`${path} -> ${target}`]);
  for (
    const [path, target] of [
      ["src/bytes/a.ts", "../base/assert.ts"],
      ["src/protocols/native/a.ts", "./wire/b.ts"],
      ["src/storage/log/a.ts", "../partition_log.ts"],
      ["src/http/a.ts", "hono/streaming"],
      ["src/cli/a.ts", "node:util"],
    ] as const
  ) deepEqual(wrong(path, target), []);
});
