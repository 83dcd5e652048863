/**
 * Flags. One zod schema per command is the only place where a flag, its type, its default, its `SENTINEL_*` variable, its
 * name in the configuration file and its line in `--help` are written down (design §5).
 *
 * A flag is written with one dash or two, and its value after `=` or a space; `node:util`'s parser takes no `-topic`, and
 * reads a value of `-1` as another flag, hence this one.
 */
import { z } from "zod";

/** What a flag's schema does not say. */
export interface FlagDetails {
  readonly help: string;
  /** How `--help` names the value; none: the flag is on or off and takes no value. */
  readonly valueName?: string;
  /** The flag may be given more than once. */
  readonly isList?: boolean;
  /** In place of `SENTINEL_` and the flag's name. */
  readonly environment?: string;
  /** Refused by name, so that nobody believes in what is not there. */
  readonly isNotBuilt?: boolean;
}

/** A wrong value may be a whole object of the configuration file; its beginning is enough to find it. */
const SHOWN_CHARS_MAX = 200;

const flagDetails = z.registry<FlagDetails>();

/** How a wrong value is shown. Not by `String`: an object of the configuration file may have a `toString` of its own. */
function shown(value: unknown): string {
  return typeof value === "string" ? value : String(JSON.stringify(value)).slice(0, SHOWN_CHARS_MAX);
}

/** A flag: the schema that reads its value, with its default, and what people read about it. */
export function flag<Schema extends z.ZodType>(schema: Schema, details: FlagDetails): Schema {
  flagDetails.add(schema, details);
  return schema;
}

/** A flag that is known but does nothing yet. */
export function notBuilt(valueName?: string): z.ZodOptional<z.ZodUnknown> {
  const schema = z.unknown().optional();
  return flag(schema, {
    help: "not built yet",
    isNotBuilt: true,
    ...(valueName === undefined ? {} : { valueName }),
  });
}

/** An integer between two bounds, from a flag's text or from the configuration file's number. */
export function integer(min: number, max: number): z.ZodType<number> {
  return z.unknown().transform((value, context): number => {
    const number = typeof value === "string" && /^-?\d{1,16}$/.test(value) ? Number(value) : value;
    if (typeof number !== "number" || !Number.isSafeInteger(number)) {
      context.addIssue({ code: "custom", message: `${shown(value)} is not an integer` });
    } else if (number < min) {
      context.addIssue({ code: "custom", message: `${number} is below ${min}` });
    } else if (number > max) {
      context.addIssue({ code: "custom", message: `${number} is above ${max}` });
    } else {
      return number;
    }
    return z.NEVER;
  });
}

/** `true` or `false`. As the value of a flag, or as a switch that is on when it is named. */
export function trueOrFalse(): z.ZodType<boolean> {
  return z.unknown().transform((value, context): boolean => {
    if (value === true || value === "true") return true;
    if (value === false || value === "false") return false;
    context.addIssue({ code: "custom", message: `${shown(value)} is neither true nor false` });
    return z.NEVER;
  });
}

export function choice<const Values extends readonly [string, ...string[]]>(values: Values): z.ZodType<Values[number]> {
  return z.enum(values, { error: ({ input }) => `${shown(input)} is not one of ${values.join(", ")}` });
}

export function text(): z.ZodString {
  return z.string({ error: ({ input }) => `${shown(input)} is not text` });
}

export function textList(): z.ZodDefault<z.ZodArray<z.ZodString>> {
  return z.array(text()).default([]);
}

/** Flags and their values as given, before anything is checked. */
export interface GivenArguments {
  /** By the flag's key in the schema. */
  readonly flags: ReadonlyMap<string, string | readonly string[]>;
  readonly positionals: readonly string[];
}

export type ArgumentsAnswer =
  | ({ readonly kind: "given" } & GivenArguments)
  | { readonly kind: "help" }
  | { readonly kind: "fault"; readonly message: string };

/** Splits a command's arguments into flags of `schema` and the rest. A value may begin with a dash; `--` ends the flags. */
export function readArguments(schema: z.ZodObject, args: readonly string[]): ArgumentsAnswer {
  const flags = new Map<string, string | string[]>();
  const positionals: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const argument = args[at]!;
    if (argument === "--") {
      positionals.push(...args.slice(at + 1));
      break;
    }
    if (!argument.startsWith("-") || argument === "-") {
      positionals.push(argument);
      continue;
    }
    const [, name, equals, inlineValue] = /^--?([^=]*)(=?)([^]*)$/.exec(argument)!;
    if (name === "h" || name === "help") return { kind: "help" };
    const key = keyOf(name!);
    const details = detailsOf(schema, key);
    if (details === null) return { kind: "fault", message: `Unknown flag: -${name}` };
    if (details.isNotBuilt === true) return { kind: "fault", message: `-${name} is not built yet` };
    let value = inlineValue!;
    if (equals === "") {
      if (details.valueName === undefined) {
        value = "true";
      } else if (at + 1 === args.length) {
        return { kind: "fault", message: `-${name} needs a value` };
      } else {
        value = args[++at]!;
      }
    }
    if (details.isList === true) flags.set(key, [...(flags.get(key) ?? []), value]);
    else flags.set(key, value);
  }
  return { kind: "given", flags, positionals };
}

/** Where values come from, after the flags: first match wins, then the schema's default. */
export interface FlagSources {
  readonly environment: ReadonlyMap<string, string>;
  /** The configuration file's object, keys as the flags' names. */
  readonly config?: Readonly<Record<string, unknown>>;
}

export type FlagsAnswer<Values> =
  | { readonly kind: "values"; readonly values: Values }
  | { readonly kind: "fault"; readonly message: string };

/** The command's values: flag > environment > configuration file > default. */
export function settleFlags<Schema extends z.ZodObject>(
  schema: Schema,
  given: GivenArguments,
  sources: FlagSources,
): FlagsAnswer<z.output<Schema>> {
  const config = sources.config ?? {};
  for (const name of Object.keys(config)) {
    const details = detailsOf(schema, keyOf(name));
    if (details === null) return { kind: "fault", message: `Unknown setting in the configuration file: ${name}` };
    if (details.isNotBuilt === true) return { kind: "fault", message: `Setting ${name} is not built yet` };
  }
  const raw: Record<string, unknown> = {};
  for (const key of Object.keys(schema.shape)) {
    const details = detailsOf(schema, key)!;
    const variable = details.environment ?? variableOf(key);
    const fromEnvironment = sources.environment.get(variable);
    if (details.isNotBuilt === true) {
      if (fromEnvironment !== undefined) return { kind: "fault", message: `${variable} is not built yet` };
      continue;
    }
    const value = given.flags.get(key) ?? splitList(fromEnvironment, details) ?? config[nameOf(key)];
    if (value !== undefined) raw[key] = value;
  }
  const parsed = schema.safeParse(raw);
  if (parsed.success) return { kind: "values", values: parsed.data };
  const issue = parsed.error.issues[0]!;
  return { kind: "fault", message: `-${nameOf(String(issue.path[0]))}: ${issue.message}` };
}

/** The lines of `--help` for a command's flags. */
export function describeFlags(schema: z.ZodObject): string {
  const rows = Object.entries(schema.shape)
    .filter(([key]) => detailsOf(schema, key)!.isNotBuilt !== true)
    .map(([key, field]): [string, string] => {
      const details = detailsOf(schema, key)!;
      const byDefault = defaultOf(field as z.ZodType);
      const suffix = byDefault === null ? "" : ` (default ${byDefault})`;
      const value = details.valueName === undefined ? "" : ` ${details.valueName}`;
      return [`  -${nameOf(key)}${value}`, `${details.help}${suffix}`];
    });
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.map(([left, right]) => `${left.padEnd(width)}${right}\n`).join("");
}

/** `httpPort` → `http-port`: how flags and the configuration file name it. */
export function nameOf(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `httpPort` → `SENTINEL_HTTP_PORT`. */
export function variableOf(key: string): string {
  return `SENTINEL_${nameOf(key).replaceAll("-", "_").toUpperCase()}`;
}

function keyOf(name: string): string {
  // A name in camel case is none, or `-httpPort` would be a second spelling of `-http-port`.
  return /[A-Z]/.test(name) ? "" : name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function detailsOf(schema: z.ZodObject, key: string): FlagDetails | null {
  if (!Object.hasOwn(schema.shape, key)) return null;
  return flagDetails.get(schema.shape[key] as z.ZodType) ?? null;
}

function splitList(value: string | undefined, details: FlagDetails): string | string[] | undefined {
  return value !== undefined && details.isList === true ? value.split(",") : value;
}

function defaultOf(field: z.ZodType): string | null {
  const answer = field.safeParse(undefined);
  if (!answer.success || answer.data === undefined || answer.data === false || Array.isArray(answer.data)) return null;
  return answer.data === "" ? null : String(answer.data);
}
