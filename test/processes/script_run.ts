/**
 * Scripts of commands and their exact output, as a user sees them. A line begins with what it is:
 *
 *     # a remark                          @start, @stop, @kill [flags]: the broker
 *     $ sentinel produce -topic t …       a command; SENTINEL_BROKER names the broker
 *     < a line of its input               > a line of its output     ! a line of its errors      = its exit code, if not 0
 *
 * In expected lines `{number}` stands for digits, `{any}` for anything, `{port}`, `{http}` and `{directory}` for this
 * run's own, and an error line `! {usage}` for the list of flags that follows a wrong one.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { makeTemporaryDirectory } from "../adapters/temporary_directory.ts";
import { addressOf, type BrokerProcess, startBroker } from "./broker_process.ts";
import { type ProgramKind, sentinel } from "./sentinel_command.ts";

interface Step {
  readonly lineNumber: number;
  readonly kind: "broker" | "command";
  readonly words: readonly string[];
  input: string;
  readonly out: string[];
  readonly errors: string[];
  exitCode: number;
}

/** Runs `scripts/<name>.txt`; fails at the first line that differs. */
export async function runScript(name: string, kind: ProgramKind): Promise<void> {
  const text = await readFile(new URL(`scripts/${name}.txt`, import.meta.url), "utf8");
  await using directory = await makeTemporaryDirectory();
  const run = new ScriptRun(name, kind, directory.path);
  try {
    for (const step of parse(text)) await run.step(step);
  } finally {
    await run.end();
  }
}

class ScriptRun {
  readonly #name: string;
  readonly #kind: ProgramKind;
  readonly #directory: string;
  #broker: BrokerProcess | null = null;

  constructor(name: string, kind: ProgramKind, directory: string) {
    this.#name = name;
    this.#kind = kind;
    this.#directory = directory;
  }

  async step(step: Step): Promise<void> {
    const where = `${this.#name}.txt:${step.lineNumber}`;
    const words = step.words.map((word) => this.#fillIn(word));
    if (step.kind === "broker") return await this.#brokerStep(words);
    assert.equal(words[0], "sentinel", `${where} is no command of ours`);
    const result = await sentinel(words.slice(1), {
      kind: this.#kind,
      stdin: step.input,
      workingDirectory: this.#directory,
      // Port 1 has no listener, so that a command without a broker fails as it should.
      environment: { SENTINEL_BROKER: this.#broker?.binary ?? "127.0.0.1:1" },
    });
    const told = `${where}: ${step.words.join(" ")}`;
    assertLines(result.out, this.#expected(step.out), `${told}: output\n${result.out}${result.errors}`);
    assertLines(result.errors, this.#expected(step.errors), `${told}: errors\n${result.errors}`);
    assert.equal(result.code, step.exitCode, `${told}: exit code`);
  }

  async end(): Promise<void> {
    await this.#broker?.[Symbol.asyncDispose]();
  }

  async #brokerStep([action, ...args]: readonly string[]): Promise<void> {
    if (action === "start") {
      assert.equal(this.#broker, null, "a broker runs already");
      this.#broker = await startBroker({ kind: this.#kind, dataPath: `${this.#directory}/data`, args });
      return;
    }
    const broker = this.#broker!;
    this.#broker = null;
    if (action === "kill") return await broker.kill();
    assert.equal(action, "stop");
    assert.deepEqual(await broker.stop(), { code: 0, signal: null }, broker.errors);
  }

  #fillIn(text: string): string {
    const port = this.#broker === null ? 1 : addressOf(this.#broker.binary).port;
    return text.replaceAll("{port}", String(port)).replaceAll("{directory}", this.#directory)
      .replaceAll("{http}", this.#broker?.http ?? "");
  }

  #expected(lines: readonly string[]): string[] {
    return lines.map((line) => this.#fillIn(line));
  }
}

/** Compares line by line, with the marks of expected lines. */
export function assertLines(actual: string, expected: readonly string[], message: string): void {
  const lines = actual === "" ? [] : actual.replace(/\n$/, "").split("\n");
  const wanted = [...expected];
  if (wanted.at(-1) === "{usage}") {
    const usage = lines.slice(wanted.length - 1);
    assert.match(usage[0] ?? "", /^Usage of \w+:$/, message);
    assert.ok(usage.length > 2 && usage.slice(1).every((line) => /^ {2}-[a-z-]+/.test(line)), message);
    wanted.pop();
    lines.length = wanted.length;
  }
  wanted.forEach((line, index) => {
    if (isLike(lines[index] ?? "", line)) return;
    assert.equal(lines[index], line, message);
  });
  assert.equal(lines.length, wanted.length, `${message}\nthere are ${lines.length} lines, not ${wanted.length}`);
}

function isLike(line: string, expected: string): boolean {
  const pattern = expected.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replaceAll("\\{number\\}", "\\d+(?:\\.\\d+)?").replaceAll("\\{any\\}", ".*");
  return new RegExp(`^${pattern}$`).test(line);
}

function parse(text: string): Step[] {
  const steps: Step[] = [];
  text.split("\n").forEach((line, index) => {
    if (line === "" || line.startsWith("#")) return;
    const mark = line[0]!;
    const rest = line.slice(mark === "@" ? 1 : 2);
    const last = steps.at(-1)!;
    switch (mark) {
      case "@":
      case "$":
        steps.push({
          lineNumber: index + 1,
          kind: mark === "@" ? "broker" : "command",
          words: wordsOf(rest),
          input: "",
          out: [],
          errors: [],
          exitCode: 0,
        });
        break;
      case "<":
        last.input += `${rest}\n`;
        break;
      case ">":
        last.out.push(rest);
        break;
      case "!":
        last.errors.push(rest);
        break;
      case "=":
        last.exitCode = Number(rest);
        break;
      default:
        assert.fail(`line ${index + 1} of the script begins with ${mark}`);
    }
  });
  return steps;
}

/** Splits at spaces; quotes of either kind keep a word together. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g)]
    .map(([word]) => word.replace(/"([^"]*)"|'([^']*)'/g, (_, double, single) => double ?? single));
}
