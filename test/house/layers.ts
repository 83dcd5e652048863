import type { SourceFile } from "./source_files.ts";

/**
 * What each folder of src/ may import besides itself and base/: the architecture, in one table. Folders inside another
 * come before it, so that they match first.
 *
 * adapters → cli → server → http, protocols → broker → cluster → storage → records → bytes → base. Protocols do not
 * know each other, they share `records` and the error table; the broker knows no protocol.
 */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "base": [],
  "bytes": [],
  "cbor": ["bytes"],
  "platform": [],
  "schema": ["bytes"],
  "records": ["bytes", "platform"],
  "storage/log": ["bytes", "schema", "records", "platform", "storage"],
  "storage/tree": ["bytes", "records", "platform", "storage", "storage/log"],
  "storage/lsm": ["bytes", "platform", "storage", "storage/log"],
  "storage": ["bytes", "schema", "records", "platform"],
  "cluster": [
    "bytes",
    "schema",
    "records",
    "platform",
    "storage",
    "storage/log",
    "storage/lsm",
    "storage/tree",
  ],
  "broker": ["bytes", "schema", "records", "platform", "storage", "storage/tree", "cluster"],
  "metrics": ["platform", "broker"],
  "protocols/native/wire": ["bytes", "cbor", "records"],
  "protocols/native": ["bytes", "cbor", "records", "platform", "broker", "metrics", "protocols/native/wire"],
  "protocols/kafka/wire": ["bytes", "schema", "records"],
  "protocols/kafka": ["bytes", "schema", "records", "platform", "broker", "protocols/kafka/wire"],
  "client": ["bytes", "cbor", "records", "platform", "protocols/native/wire"],
  "http": ["bytes", "cbor", "records", "platform", "broker", "metrics"],
  "server": [
    "bytes",
    "records",
    "platform",
    "storage",
    "storage/log",
    "cluster",
    "broker",
    "metrics",
    "http",
    "protocols/native",
    "protocols/native/wire",
    "protocols/kafka",
  ],
  "cli": [
    "bytes",
    "cbor",
    "records",
    "platform",
    "storage",
    "storage/log",
    "cluster",
    "broker",
    "metrics",
    "client",
    "protocols/native/wire",
    "server",
  ],
};

/** Packages, by their first name: "hono" lets "hono/streaming" in too. What is not here is for adapters. */
export const MAY_IMPORT_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "broker": ["@noble/hashes"],
  "protocols/native/wire": ["zod"],
  "client": ["zod"],
  "http": ["hono", "zod"],
  "server": ["zod"],
  "cli": ["zod", "node:util"],
};

const IMPORTS = [
  /^[ \t]*(?:import|export)\b[^"'`;()]*?\bfrom\s*["']([^"']+)["']/gm, // with names, over several lines too
  /^[ \t]*import\s*["']([^"']+)["']/gm, // for its effects
  /\b(?:import|require)\s*\(\s*["'`]([^"'`]+)["'`]/g, // while it runs, or as a type
];

/** Every module that a file names in an import, an export or an `import()`. */
export function importsOf(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  return IMPORTS.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1]!));
}

/** The row of the table that a path below src/ falls under, or null. */
function layerOf(path: string): string | null {
  return Object.keys(MAY_IMPORT).find((layer) => path.startsWith(`${layer}/`)) ?? null;
}

function isAllowed(file: string, target: string): boolean {
  const mine = layerOf(file);
  if (mine === null) return false;
  if (!target.startsWith(".")) {
    return (MAY_IMPORT_PACKAGES[mine] ?? []).some((name) => target === name || target.startsWith(`${name}/`));
  }
  const resolved = new URL(target, `file:///src/${file}`).pathname;
  if (!resolved.startsWith("/src/")) return false;
  const theirs = layerOf(resolved.slice("/src/".length));
  return theirs !== null && (theirs === mine || theirs === "base" || MAY_IMPORT[mine]!.includes(theirs));
}

/** Imports that the table does not allow, as `file -> target`; paths start with `src/`. */
export function findWrongImports(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) =>
    importsOf(text).filter((target) => !isAllowed(path.slice("src/".length), target))
      .map((target) => `${path} -> ${target}`)
  );
}

/** Layers that can never be built because each waits for another of them. */
export function findCycle(table: Readonly<Record<string, readonly string[]>>): string[] {
  const built = new Set<string>();
  let layers = Object.keys(table);
  while (true) {
    const left = layers.filter((layer) => !table[layer]!.every((needed) => built.has(needed)));
    for (const layer of layers) if (!left.includes(layer)) built.add(layer);
    if (left.length === layers.length) return left;
    layers = left;
  }
}
