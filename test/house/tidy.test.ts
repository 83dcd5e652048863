import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { readSourceFiles } from "./source_files.ts";
import {
  FILE_LINES_MAX,
  findOneWayCodecs,
  findUntidy,
  FUNCTION_LINES_MAX,
  functionsOf,
  holdAgainst,
  lineCount,
} from "./tidy.ts";

/** Files and functions (`path:name of the first line`) above the limits. This list may only shrink. */
const LONG_FILES: Readonly<Record<string, number>> = {};
const LONG_FUNCTIONS: Readonly<Record<string, number>> = {};

const program = async () => [...await readSourceFiles("src"), ...await readSourceFiles("adapters")];

test("no file of src/ and adapters/ is longer than it may be", async () => {
  const sizes = new Map((await program()).map(({ path, text }) => [path, lineCount(text)]));
  equal(holdAgainst(sizes, FILE_LINES_MAX, LONG_FILES).join("\n"), "");
});

test("no function of src/ and adapters/ is longer than a screen", async () => {
  const sizes = new Map<string, number>();
  for (const { path, text } of await program()) {
    const lines = text.split("\n");
    for (const { line, lines: size } of functionsOf(text)) sizes.set(`${path}: ${lines[line - 1]!.trim()}`, size);
  }
  equal(holdAgainst(sizes, FUNCTION_LINES_MAX, LONG_FUNCTIONS).join("\n"), "");
});

test("names, columns and characters are in order everywhere", async () => {
  const folders = ["src", "adapters", "test", "bench", "tools"];
  const files = (await Promise.all(folders.map((folder) => readSourceFiles(folder, [".ts", ".mjs"])))).flat();
  equal(files.flatMap(findUntidy).join("\n"), "");
});

test("every format that storage can write, it can read", async () => {
  equal((await readSourceFiles("src/storage")).flatMap(findOneWayCodecs).join("\n"), "");
});

test("no test is skipped or runs alone", async () => {
  const marks = /\b(?:test|it|describe|suite)\.(?:skip|only|todo|skipIf|failing)\b|\{ (?:skip|only|todo): /;
  const files = (await readSourceFiles("test")).filter(({ path }) => !path.startsWith("test/house/"));
  deepEqual(files.filter(({ text }) => marks.test(text)).map(({ path }) => path), []);
});

test("functionsOf() measures each form of function", () => {
  const text = [
    "export async function one(a: number): Promise<void> {", // 1
    "  if (a > 1) {",
    "    a;",
    "  }",
    "}", // 5
    "const two = (a: number) => {",
    "  a;",
    "};", // 8
    "class Three {",
    "  readonly #four = 4;",
    "  async five(", // 11
    "    a: number,",
    "  ): Promise<void> {",
    "    for (const b of [a]) {",
    "    }",
    "  }", // 16
    "  get six(): { a: number } {",
    "    return call({",
    "      a: 1,",
    "    });",
    "  }", // 21
    "}",
    "interface Seven {",
    "  eight(",
    "    a: number,",
    "  ): void;",
    "}",
  ].join("\n");
  const found = functionsOf(text).map(({ line, lines }) => [line, lines]);
  deepEqual(found, [[1, 5], [6, 3], [11, 6], [17, 5]]);
});

test("holdAgainst() lets exceptions shrink only", () => {
  const sizes = new Map([["small", 3], ["listed", 12], ["shrunk", 11], ["new", 13]]);
  deepEqual(holdAgainst(sizes, 10, { listed: 12, shrunk: 15, small: 20, gone: 11 }), [
    "new has 13 lines; 10 are allowed",
    "shrunk has 11 lines; lower its exception of 15",
    "small needs no exception any more",
    "gone needs no exception any more",
  ]);
});

test("findUntidy() and findOneWayCodecs() find planted faults", () => {
  const text = `\tconst a = 1;\n${"x".repeat(141)}\n// ${"TO" + "DO"}: later\n`;
  deepEqual(findUntidy({ path: "src/a/byte_utils.ts", text }), [
    "src/a/byte_utils.ts is named after no concept",
    "src/a/byte_utils.ts:1 has a tab",
    "src/a/byte_utils.ts:2 has 141 columns",
    "src/a/byte_utils.ts:3 is unfinished",
  ]);
  deepEqual(findUntidy({ path: "src/a/ByteReader.ts", text: "" }), ["src/a/ByteReader.ts is not in snake_case"]);
  deepEqual(findUntidy({ path: "src/a/commonplace.ts", text: "" }), []);
  const codec = "export function encodeIndex() {}\nexport function encodeSlot() {}\nexport function decodeSlot() {}\n";
  deepEqual(findOneWayCodecs({ path: "x.ts", text: codec }), ["x.ts: encodeIndex has no decodeIndex"]);
});
