import { deepEqual } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const DENO = join(ROOT, "node_modules/deno", process.platform === "win32" ? "deno.exe" : "deno");

interface Diagnostic {
  readonly code: string;
  readonly range: { readonly start: { readonly line: number } };
  readonly filename: string;
}

/** Lints files in a directory of their own with the plugin alone; returns `path:line rule`, sorted. */
function lint(files: Readonly<Record<string, string>>): string[] {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "sentinel-lint-")));
  try {
    mkdirSync(join(root, "tools"));
    cpSync(join(ROOT, "tools/lint_plugin.ts"), join(root, "tools/lint_plugin.ts"));
    const config = { lint: { plugins: ["./tools/lint_plugin.ts"], rules: { tags: [] } } };
    writeFileSync(join(root, "deno.json"), JSON.stringify(config));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const run = spawnSync(DENO, ["lint", "--json", ...Object.keys(files)], { cwd: root, encoding: "utf8" });
    const { diagnostics, errors } = JSON.parse(run.stdout) as { diagnostics: Diagnostic[]; errors: unknown[] };
    deepEqual(errors, [], run.stderr);
    return diagnostics.map((found) => {
      const path = fileURLToPath(found.filename).slice(root.length + 1).replaceAll("\\", "/");
      return `${path}:${found.range.start.line} ${found.code}`;
    }).sort();
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** One planted fault a line: the rule that must find it, then the line. */
const FAULTS: readonly (readonly [rule: string, line: string])[] = [
  ["no-runtime-import", `import { readFile } from "node:fs";`],
  ["no-runtime-import", `import { readFileSync } from "fs";`],
  ["no-runtime-import", `import { serve } from "bun";`],
  ["no-runtime-import", `import { dlopen } from "bun:ffi";`],
  ["no-runtime-import", `import ms from "npm:ms";`],
  ["no-runtime-import", `export { join } from "node:path";`],
  ["no-runtime-import", `export * from "node:os";`],
  ["no-runtime-import", `import { inspect } from "node:util";`],
  ["no-dynamic-import", `const a = await import("./other.ts");`],
  ["no-clock", `const b = Date.now();`],
  ["no-clock", `const { now } = Date;`],
  ["no-clock", `const c = Date["now"]();`],
  ["no-clock", `const d = new Date();`],
  ["no-clock", `const e = Date();`],
  ["no-clock", `const f = performance.now();`],
  ["no-chance", `const g = Math.random();`],
  ["no-chance", `const h = Math["random"]();`],
  ["no-timer", `setTimeout(() => {}, 1);`],
  ["no-timer", `const i = { run: setInterval };`],
  ["no-timer", `clearTimeout(1);`],
  ["no-runtime-global", `const j = Deno.pid;`],
  ["no-runtime-global", `const k = Bun.version;`],
  ["no-runtime-global", `const l = process.env;`],
  ["no-runtime-global", `const m = Buffer.alloc(1);`],
  ["no-runtime-global", `console.log(1);`],
  ["no-runtime-global", `const n = await fetch("http://localhost");`],
  ["no-runtime-global", `const o = crypto.randomUUID();`],
  ["no-runtime-global", `const p = globalThis;`],
  ["no-runtime-global", `const q = require("x");`],
  ["no-finally-call", `Promise.resolve().finally(() => {});`],
  ["no-plain-error", `if (a) throw new Error("x");`],
  ["no-plain-error", `if (a) throw TypeError("x");`],
  ["no-enum", `enum Color { Red }`],
];

test("lint plugin finds each planted fault in src/, and only there", () => {
  const text = FAULTS.map(([, line]) => line).join("\n");
  const found = lint({ "src/broker/x.ts": text, "adapters/bun/x.ts": text, "adapters/src/x.ts": text });
  const expected = FAULTS.map(([rule], index) => `src/broker/x.ts:${index + 1} core/${rule}`).sort();
  deepEqual(found, expected);
});

test("lint plugin lets names through that are not the runtime's", () => {
  const text = [
    `const at = new Date(5);`,
    `const utc = Date.UTC(2020, 1);`,
    `const parsed: Date | number = Date.parse("2020-01-01");`,
    `export interface Broker { fetch(at: number): void; readonly process: string; crypto: { fetch: 1 } }`,
    `export class Topic { fetch(): void { this.process(); } process(): void {} }`,
    `const table = { console: 1, fetch: 2, Buffer: 3 };`,
    `const sum = table.console + table.fetch + Math.floor(1.5);`,
    `import { utils } from "./process.ts";`,
    `try { utils(); } finally { utils(); }`,
    `throw new SentinelError("internal", "x");`,
    `import { Hono } from "hono";`,
    `import { path } from "./path";`,
  ].join("\n");
  const own = `import { fetch } from "./fetch.ts";\nexport function get(crypto: number): void { fetch(crypto); }`;
  deepEqual(lint({ "src/broker/x.ts": text, "src/broker/own.ts": own }), []);
});

test("lint plugin lets only the command line import node:util", () => {
  const text = `import { parseArgs } from "node:util";\nimport { readFile } from "node:fs/promises";`;
  deepEqual(lint({ "src/cli/arguments.ts": text, "src/http/app.ts": text }), [
    "src/cli/arguments.ts:2 core/no-runtime-import",
    "src/http/app.ts:1 core/no-runtime-import",
    "src/http/app.ts:2 core/no-runtime-import",
  ]);
});
