import type { SourceFile } from "./source_files.ts";

export const FILE_LINES_MAX = 400;
export const FUNCTION_LINES_MAX = 70;
export const LINE_COLUMNS_MAX = 140;

const BANNED_NAME = /(?:^|_)(?:utils?|helpers?|common|misc|managers?)(?:_|\.|$)/;
/** Put together here, so that this file does not hold what it looks for. */
const UNFINISHED = new RegExp(`\\b(?:${["TO" + "DO", "FIX" + "ME", "XX" + "X"].join("|")})\\b|@ts-${"ignore"}`);
const CONTROL = /^(?:if|for|while|switch|catch|do|else|try|return|throw|await|new|super|with)\b/;
const MODIFIERS = String.raw`(?:(?:export|default|public|private|protected|static|override|async|get|set)\s+)*`;
const METHOD = new RegExp(String.raw`^${MODIFIERS}\*?[#\w$\[\].]+\s*(?:<[^()]*>)?\(.*$`);

export function lineCount(text: string): number {
  return text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
}

/** Faults in names and characters, as `path:line what`. */
export function findUntidy({ path, text }: SourceFile): string[] {
  const found: string[] = [];
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (BANNED_NAME.test(name)) found.push(`${path} is named after no concept`);
  if (!/^[a-z0-9_]+(?:\.[a-z0-9_]+)*$/.test(name)) found.push(`${path} is not in snake_case`);
  text.split("\n").forEach((line, index) => {
    if (line.includes("\t")) found.push(`${path}:${index + 1} has a tab`);
    if (line.length > LINE_COLUMNS_MAX) found.push(`${path}:${index + 1} has ${line.length} columns`);
    if (UNFINISHED.test(line)) found.push(`${path}:${index + 1} is unfinished`);
  });
  return found;
}

export interface FunctionSize {
  readonly line: number;
  readonly lines: number;
}

/**
 * The functions of a file with their lines, from the first of the head to the closing brace. It goes by the formatter's
 * layout: a function ends at the first line that has its own indent and starts with a brace.
 */
export function functionsOf(text: string): FunctionSize[] {
  const lines = text.split("\n");
  const found: FunctionSize[] = [];
  lines.forEach((line, index) => {
    const code = line.trimStart();
    const indent = line.slice(0, line.length - code.length);
    if (!opensFunction(code)) return;
    // A head over several lines: `): Type {` closes it at the same indent; an interface's method ends without a body.
    let at = index;
    if (!code.endsWith("{")) {
      at = lines.findIndex((later, place) => place > index && later.startsWith(`${indent})`));
      if (at < 0 || !lines[at]!.endsWith("{")) return;
    }
    const end = lines.findIndex((later, place) => place > at && later.startsWith(`${indent}}`));
    if (end >= 0) found.push({ line: index + 1, lines: end - index + 1 });
  });
  return found;
}

function opensFunction(code: string): boolean {
  if (/=>\s*\{$/.test(code)) return true;
  if (/^(?:export\s+)?(?:default\s+)?(?:async\s+)?function\b/.test(code)) return true;
  if (CONTROL.test(code) || !METHOD.test(code)) return false;
  return code.endsWith("(") || /\)(?::\s*[^=]+)?\s*\{$/.test(code);
}

/** Exported `encodeX` in a storage file without an exported `decodeX` beside it. */
export function findOneWayCodecs({ path, text }: SourceFile): string[] {
  const exported = new Set(
    [...text.matchAll(/^export (?:async )?(?:function|const) (\w+)/gm)].map((match) => match[1]!),
  );
  return [...exported].filter((name) => /^encode[A-Z]?/.test(name) && !exported.has(name.replace("encode", "decode")))
    .map((name) => `${path}: ${name} has no ${name.replace("encode", "decode")}`);
}

/**
 * Holds measured sizes against a limit and a list of exceptions that may only shrink: an entry that is larger than what
 * is measured must be lowered, one that is not needed must go.
 */
export function holdAgainst(
  sizes: ReadonlyMap<string, number>,
  limit: number,
  exceptions: Readonly<Record<string, number>>,
): string[] {
  const wrong: string[] = [];
  for (const [name, size] of sizes) {
    const allowed = exceptions[name] ?? limit;
    if (size > allowed) wrong.push(`${name} has ${size} lines; ${allowed} are allowed`);
  }
  for (const [name, allowed] of Object.entries(exceptions)) {
    const size = sizes.get(name) ?? 0;
    if (size <= limit) wrong.push(`${name} needs no exception any more`);
    else if (size < allowed) wrong.push(`${name} has ${size} lines; lower its exception of ${allowed}`);
  }
  return wrong;
}
