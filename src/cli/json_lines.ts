import { SentinelError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { decodeUtf8 } from "../bytes/utf8.ts";
import { type FormedRecord, isFieldFault, recordFromJson } from "../records/record_form.ts";

const OPENING = /[[{]/g;

/** One line of `produce --json`: a record as the HTTP API has it. Fails with `invalid_record`, which names the line. */
export function readJsonLine(line: Uint8Array, lineNumber: number): FormedRecord {
  const text = decodeUtf8(line);
  if (text === null) throw wrongLine(lineNumber, "it is not UTF-8");
  // So many brackets cannot nest deeper than they are; the parser's own stack must not end the process.
  if ((text.match(OPENING)?.length ?? 0) > LIMITS.bodyDepthMax && depthOf(text) > LIMITS.bodyDepthMax) {
    throw wrongLine(lineNumber, `it nests deeper than ${LIMITS.bodyDepthMax}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrongLine(lineNumber, "it is not JSON");
  }
  const formed = recordFromJson(value, "");
  if (isFieldFault(formed)) {
    throw wrongLine(lineNumber, formed.pointer === "" ? formed.detail : `${formed.pointer}: ${formed.detail}`);
  }
  return formed;
}

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let isInText = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (isInText) {
      if (character === "\\") at += 1;
      else if (character === '"') isInText = false;
    } else if (character === '"') {
      isInText = true;
    } else if (character === "{" || character === "[") {
      depth += 1;
      deepest = Math.max(deepest, depth);
    } else if (character === "}" || character === "]") {
      depth -= 1;
    }
  }
  return deepest;
}

function wrongLine(lineNumber: number, detail: string): SentinelError {
  return new SentinelError("invalid_record", `line ${lineNumber}: ${detail}`);
}
