/** Makes `docs/kafka-clients.md` from what the last runs of the client suites found. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./paths.mjs";

const RESULTS = join(ROOT, ".interop", "clients");
const PAGE = join(ROOT, "docs", "kafka-clients.md");
/** The columns, in the order of the page. `files` is Kafka's own check of what the client has written. */
const COLUMNS = [
  "produce",
  "codecs",
  "headers",
  "idempotent",
  "offsets by time",
  "group",
  "rebalance",
  "admin",
  "files",
];

const HEAD = `# Kafka clients

What each Kafka client did with this broker, as checks that held out of those that were made: a dash is what the client
has no means for, or what the suite leaves out. Each suite passes against Apache Kafka 4.3.1 in the same form
(\`SENTINEL_KAFKA_PEER=HOST:PORT\`). _rebalance_: members come and go while a producer writes, and no record is missed;
_files_: what the run left in the data directory, read by Kafka's DumpLogSegments.

Made by \`npm run test:interop -- --table\` from the last runs of \`npm test\` (the clients of the JavaScript world, on
brokers in memory) and \`npm run test:interop\`. The checks: \`test/clients/\`, \`test/interop/\`.
`;

/** Returns the exit code. */
export function writeClientTable() {
  const results = existsSync(RESULTS) ? readdirSync(RESULTS).sort().map((file) => readResult(file)) : [];
  if (results.length === 0) {
    console.error("There are no results yet: run npm test and npm run test:interop first");
    return 1;
  }
  writeFileSync(PAGE, `${HEAD}\n${clientTable(results)}${notes(results)}`);
  return 0;
}

function readResult(file) {
  return JSON.parse(readFileSync(join(RESULTS, file), "utf8"));
}

/** A row for each client, laid out as the formatter would. */
export function clientTable(results) {
  const rows = [["client", "version", ...COLUMNS], ...results.map(rowOf)];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`;
  return `${[line(rows[0]), line(widths.map((width) => "-".repeat(width))), ...rows.slice(1).map(line)].join("\n")}\n`;
}

function rowOf({ name, version, checks }) {
  const cells = COLUMNS.map((column) => {
    const made = checks.filter(({ capability, result }) => capability === column && result !== "none");
    if (made.length === 0) return "–";
    return `${made.filter(({ result }) => result === "ok").length}/${made.length}`;
  });
  return [name, version, ...cells];
}

/** What a client cannot do, and what did not hold. */
function notes(results) {
  const told = (wanted) => {
    const lines = results.flatMap(({ name, checks }) =>
      checks.filter(({ result }) => result === wanted).map(({ capability, text }) =>
        `- ${name}, ${capability}: ${text}`
      )
    );
    return [...new Set(lines)];
  };
  const sections = [["Left out", told("none")], ["Did not hold", told("failed")]];
  return sections.filter(([, lines]) => lines.length > 0).map(([title, lines]) =>
    `\n## ${title}\n\n${lines.join("\n")}\n`
  )
    .join("");
}
