/** Query parameters: parsed strictly, checked by a schema, and refused when nobody knows them (a typo must not be silent). */
import type { z } from "zod";
import { SentinelError } from "../base/errors.ts";

/** Reads the query of a URL by one schema. The answer for a URL without a query is computed once. */
export type QueryReader<Query> = (url: string) => Query;

export function queryReader<Schema extends z.ZodType>(schema: Schema): QueryReader<z.output<Schema>> {
  const none = schema.safeParse({});
  return (url) => {
    const start = url.indexOf("?");
    if (none.success && (start === -1 || start === url.length - 1)) return none.data;
    const parameters = parseQuery(start === -1 ? "" : url.slice(start + 1));
    const parsed = schema.safeParse(parameters);
    if (parsed.success) return parsed.data;
    throw faultOf(parsed.error, parameters);
  };
}

/** Each parameter once, decoded strictly; `+` is a space, as forms and `URLSearchParams` write it. */
export function parseQuery(text: string): Record<string, string> {
  const parameters: Record<string, string> = Object.create(null);
  const hash = text.indexOf("#");
  for (const pair of (hash === -1 ? text : text.slice(0, hash)).split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decodeComponent(equals === -1 ? pair : pair.slice(0, equals));
    if (Object.hasOwn(parameters, name)) {
      throw new SentinelError("invalid_parameter", `Parameter ${JSON.stringify(name)} is given twice`);
    }
    parameters[name] = equals === -1 ? "" : decodeComponent(pair.slice(equals + 1));
  }
  return parameters;
}

function decodeComponent(text: string): string {
  try {
    return decodeURIComponent(text.includes("+") ? text.replaceAll("+", " ") : text);
  } catch {
    throw new SentinelError("invalid_parameter", `${JSON.stringify(text)} is not percent-encoded UTF-8`);
  }
}

function faultOf(error: z.ZodError, parameters: Readonly<Record<string, string>>): SentinelError {
  const issue = error.issues[0]!;
  if (issue.code === "unrecognized_keys") {
    const names = issue.keys.map((key) => JSON.stringify(key)).join(", ");
    return new SentinelError("invalid_parameter", `Parameter ${names} is not known here`);
  }
  const name = String(issue.path[0] ?? "");
  const value = Object.hasOwn(parameters, name) ? `is ${JSON.stringify(parameters[name])}` : "is missing";
  return new SentinelError("invalid_parameter", `Parameter ${name} ${value}: ${issue.message}`);
}
