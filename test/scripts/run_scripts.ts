/**
 * Scenario scripts: a file is a list of blocks, each a command, `----` and the exact output. One behaviour a file, named
 * after it. With `SENTINEL_REWRITE=1` the files are written anew with what was answered: review the difference.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";

/** Answers one command, its words split at spaces. What it throws is printed as output. */
export type Interpreter = (command: string, words: readonly string[]) => Promise<string>;

interface Block {
  readonly comments: readonly string[];
  readonly command: string;
  readonly output: string;
}

/** One test for each `.txt` file of a folder below this one; `open` makes a fresh interpreter. */
export function runScripts(folder: string, open: () => Interpreter): void {
  const directory = new URL(`${folder}/`, import.meta.url);
  for (const name of readdirSync(directory).filter((file) => file.endsWith(".txt")).sort()) {
    test(`script ${folder}/${name}`, async () => {
      const path = new URL(name, directory);
      const text = readFileSync(path, "utf8");
      const interpreter = open();
      const answered: Block[] = [];
      for (const block of parseScript(text)) {
        answered.push({ ...block, output: await answerOf(interpreter, block.command) });
      }
      const actual = formatScript(answered);
      if (process.env["SENTINEL_REWRITE"] === "1") writeFileSync(path, actual);
      else assert.equal(actual, text);
    });
  }
}

async function answerOf(interpreter: Interpreter, command: string): Promise<string> {
  const [first = "", ...words] = command.split(" ");
  try {
    return await interpreter(first, words);
  } catch (thrown) {
    if (!(thrown instanceof Error)) throw thrown;
    const code = "code" in thrown ? ` ${String(thrown.code)}` : "";
    return `${thrown.name}${code}: ${thrown.message}`;
  }
}

function parseScript(text: string): Block[] {
  return text.trimEnd().split("\n\n").map((block) => {
    const lines = block.split("\n");
    const comments = lines.filter((line) => line.startsWith("#"));
    const [command = "", separator, ...output] = lines.slice(comments.length);
    assert.ok(separator === "----" || separator === undefined, `A block without ----: ${block}`);
    return { comments, command, output: output.join("\n") };
  });
}

function formatScript(blocks: readonly Block[]): string {
  return blocks.map(({ comments, command, output }) =>
    [...comments, command, "----", ...(output === "" ? [] : [output])].join("\n")
  )
    .join("\n\n") + "\n";
}
