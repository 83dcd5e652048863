/**
 * Lint rules that keep `src/` free of clocks, chance, timers and runtimes: the core must run the same under Bun, under
 * Deno and in a simulation with a seed. What it needs of the world comes in through `src/platform/`.
 */

type Context = Deno.lint.RuleContext;
type Visitor = Deno.lint.LintVisitor;
type Node = Deno.lint.Node;

/** Globals that belong to a runtime, with what the core uses in their place. */
const RUNTIME_GLOBALS: ReadonlyMap<string, string> = new Map([
  ["Deno", "Take what it gives as an argument; adapters/deno provides it."],
  ["Bun", "Take what it gives as an argument; adapters/bun provides it."],
  ["process", "Use the Terminal of platform/terminal.ts."],
  ["Buffer", "Use Uint8Array."],
  ["console", "Use the Terminal, or the log function that was passed in."],
  ["fetch", "Use the Network, or take a fetch function as an argument."],
  ["crypto", "Use the Random of platform/random.ts."],
  ["navigator", "Use Platform.runtime."],
  ["require", "Use a static import."],
  ["globalThis", "Name what you need in the arguments."],
]);
const TIMERS: ReadonlySet<string> = new Set([
  "setTimeout",
  "setInterval",
  "setImmediate",
  "clearTimeout",
  "clearInterval",
  "clearImmediate",
]);
const PLAIN_ERRORS: ReadonlySet<string> = new Set([
  "Error",
  "TypeError",
  "RangeError",
  "SyntaxError",
  "AggregateError",
]);
/** Members of `Date` that only compute. */
const PURE_DATE_MEMBERS: ReadonlySet<string> = new Set(["UTC", "parse"]);
/** Node.js modules by their bare names, which runtimes take too. */
const NODE_MODULES: ReadonlySet<string> = new Set(
  ("assert async_hooks buffer child_process cluster crypto dgram diagnostics_channel dns events fs http http2 https " +
    "inspector module net os path perf_hooks process readline stream timers tls tty url util v8 vm worker_threads zlib")
    .split(" "),
);
const CORE = new URL("../src/", import.meta.url).pathname;

/** The path below `src/` beside this plugin, or null for a file elsewhere. */
function pathInCore(filename: string): string | null {
  const path = new URL(`file://${filename.replaceAll("\\", "/")}`).pathname;
  return path.startsWith(CORE) ? path.slice(CORE.length) : null;
}

/** A rule that looks at files in `src/` only. */
function coreRule(create: (context: Context, path: string) => Visitor): Deno.lint.Rule {
  return {
    create(context) {
      const path = pathInCore(context.filename);
      return path === null ? {} : create(context, path);
    },
  };
}

/** By position: one place in the text may be handed out as several objects. */
function isSame(node: { readonly range: Deno.lint.Range } | null, other: Node): boolean {
  return node !== null && node.range[0] === other.range[0] && node.range[1] === other.range[1];
}

/** Whether `node` only spells a member's or a module's name and so refers to no variable. */
function isOnlyAName(node: Deno.lint.Identifier): boolean {
  const parent = node.parent as Node;
  switch (parent.type) {
    case "MemberExpression":
      return isSame(parent.property, node) && !parent.computed;
    case "Property":
      return isSame(parent.key, node) && !parent.computed && !parent.shorthand;
    case "MethodDefinition":
    case "PropertyDefinition":
    case "TSPropertySignature":
    case "TSMethodSignature":
    case "TSAbstractMethodDefinition":
    case "TSAbstractPropertyDefinition":
      return isSame(parent.key, node);
    case "ImportSpecifier":
      return !isSame(parent.local, node);
    case "ExportSpecifier":
      return isSame(parent.exported, node);
    case "TSQualifiedName":
      return isSame(parent.right, node);
    case "LabeledStatement":
    case "BreakStatement":
    case "ContinueStatement":
      return true;
    default:
      return false;
  }
}

/** Whether `node` declares a name of the file itself: a variable, a function, a parameter, an import. */
function isDeclaration(node: Deno.lint.Identifier): boolean {
  const parent = node.parent as Node;
  switch (parent.type) {
    case "RestElement":
    case "ArrayPattern":
      return true;
    case "VariableDeclarator":
    case "ClassDeclaration":
      return isSame(parent.id, node);
    case "ImportSpecifier":
    case "ImportDefaultSpecifier":
    case "ImportNamespaceSpecifier":
      return isSame(parent.local, node);
    case "FunctionDeclaration":
      return isSame(parent.id, node) || parent.params.some((parameter) => isSame(parameter, node));
    case "ArrowFunctionExpression":
    case "FunctionExpression":
    case "TSEmptyBodyFunctionExpression":
    case "TSFunctionType":
      return (parent.params as Node[]).some((parameter) => isSame(parameter, node));
    case "TSMethodSignature":
      return !isSame(parent.key, node);
    case "AssignmentPattern":
      return isSame(parent.left, node);
    case "Property":
      return isSame(parent.value, node) && parent.parent.type === "ObjectPattern";
    default:
      return false;
  }
}

/**
 * Reports references to global variables. A file that declares a name itself (a method's parameter `fetch`) means its
 * own, so its uses are let through.
 */
function forEachGlobal(names: (name: string) => boolean, report: (node: Deno.lint.Identifier) => void): Visitor {
  const declared = new Set<string>();
  const used: Deno.lint.Identifier[] = [];
  return {
    Identifier(node) {
      if (!names(node.name)) return;
      if (isDeclaration(node)) declared.add(node.name);
      else if (!isOnlyAName(node)) used.push(node);
    },
    "Program:exit"() {
      for (const node of used) if (!declared.has(node.name)) report(node);
    },
  };
}

/** The name of a member that is read as `a.name` or `a["name"]`. */
function memberName(node: Deno.lint.MemberExpression): string | null {
  const property = node.property as Node;
  if (property.type === "Identifier" && !node.computed) return property.name;
  return property.type === "Literal" && typeof property.value === "string" ? property.value : null;
}

const noRuntimeImport = coreRule((context, path) => {
  const check = (node: { source?: Deno.lint.StringLiteral | null }): void => {
    const source = node.source;
    if (source === null || source === undefined) return;
    const name = source.value;
    if (name === "node:util" && path.startsWith("cli/")) return;
    const isRuntimes = /^(node|bun|npm|jsr|ext|data|file|https?):/.test(name) || name === "bun";
    if (!isRuntimes && !NODE_MODULES.has(name.split("/", 1)[0]!)) return;
    context.report({
      node: source as Node,
      message: `The core imports "${name}"`,
      hint: "Take it as an argument; adapters/ provides it.",
    });
  };
  return { ImportDeclaration: check, ExportNamedDeclaration: check, ExportAllDeclaration: check };
});

const noDynamicImport = coreRule((context) => ({
  ImportExpression(node) {
    context.report({
      node,
      message: "The core imports while it runs",
      hint: "Import at the top: a dynamic import takes a number of turns that differs between runtimes.",
    });
  },
}));

const noClock = coreRule((context) => ({
  ...forEachGlobal((name) => name === "Date" || name === "performance" || name === "Temporal", (node) => {
    const parent = node.parent as Node;
    if (node.name === "Date") {
      if (parent.type === "NewExpression" && isSame(parent.callee, node) && parent.arguments.length > 0) return;
      if (parent.type === "MemberExpression" && PURE_DATE_MEMBERS.has(memberName(parent) ?? "")) return;
      if (parent.type === "TSTypeReference") return;
    }
    context.report({ node, message: `The core reads the clock through ${node.name}`, hint: "Use platform/clock.ts." });
  }),
}));

const noChance = coreRule((context) => ({
  MemberExpression(node) {
    if (node.object.type !== "Identifier" || node.object.name !== "Math" || memberName(node) !== "random") return;
    context.report({ node, message: "The core reads Math.random", hint: "Use platform/random.ts." });
  },
}));

const noTimer = coreRule((context) =>
  forEachGlobal((name) => TIMERS.has(name), (node) => {
    context.report({ node, message: `The core uses ${node.name}`, hint: "Use Clock.after of platform/clock.ts." });
  })
);

const noRuntimeGlobal = coreRule((context) =>
  forEachGlobal((name) => RUNTIME_GLOBALS.has(name), (node) => {
    context.report({
      node,
      message: `The core names the runtime's ${node.name}`,
      hint: RUNTIME_GLOBALS.get(node.name)!,
    });
  })
);

const noFinallyCall = coreRule((context) => ({
  CallExpression(node) {
    if (node.callee.type !== "MemberExpression" || memberName(node.callee) !== "finally") return;
    context.report({
      node,
      message: "The core calls .finally()",
      hint:
        "Use try … finally: .finally() takes a different number of turns on Bun than on Deno, so a seed's trace differs.",
    });
  },
}));

const noPlainError = coreRule((context) => ({
  ThrowStatement(node) {
    const thrown = node.argument as Node;
    if (thrown.type !== "NewExpression" && thrown.type !== "CallExpression") return;
    if (thrown.callee.type !== "Identifier" || !PLAIN_ERRORS.has(thrown.callee.name)) return;
    context.report({
      node,
      message: `The core throws a plain ${thrown.callee.name}`,
      hint: "Our bug: assert. A caller's or the world's fault: SentinelError or PlatformError. Expected: return it.",
    });
  },
}));

const noEnum = coreRule((context) => ({
  TSEnumDeclaration(node) {
    context.report({ node, message: "The core declares an enum", hint: "Use a union of strings or a const object." });
  },
}));

const plugin: Deno.lint.Plugin = {
  name: "core",
  rules: {
    "no-runtime-import": noRuntimeImport,
    "no-dynamic-import": noDynamicImport,
    "no-clock": noClock,
    "no-chance": noChance,
    "no-timer": noTimer,
    "no-runtime-global": noRuntimeGlobal,
    "no-finally-call": noFinallyCall,
    "no-plain-error": noPlainError,
    "no-enum": noEnum,
  },
};

export default plugin;
