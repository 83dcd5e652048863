/**
 * Writes an access log as a web server would: `node tools/access_log.mjs --lines 1000000 --seed 1`. The same numbers give
 * the same bytes. Some lines are what trips readers: a CR before the LF, text beyond ASCII, empty, very long, bytes that
 * are not UTF-8; the last one has no LF.
 */
import { once } from "node:events";
import { pathToFileURL } from "node:url";

const METHODS = ["GET", "GET", "GET", "GET", "POST", "PUT", "DELETE", "HEAD"];
const PATHS = ["/", "/index.html", "/api/v1/orders", "/api/v1/users/%d/profile", "/static/app.%d.js", "/suche?q=größe"];
const STATUSES = [200, 200, 200, 200, 201, 204, 301, 304, 404, 500];
const AGENTS = [
  "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
  "curl/8.9.1",
  "日本語ボット/1.0 (+https://例え.jp/bot) 🤖",
];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const START_MS = Date.UTC(2026, 0, 1);
const LF = 0x0a;
const CHUNK_BYTES = 256 * 1024;

/** mulberry32: good enough for a log, and the same everywhere. */
function chance(seed) {
  let state = seed >>> 0;
  return (count) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % count;
  };
}

function twoDigits(number) {
  return String(number).padStart(2, "0");
}

function timeText(ms) {
  const time = new Date(ms);
  const clock = [time.getUTCHours(), time.getUTCMinutes(), time.getUTCSeconds()].map(twoDigits).join(":");
  return `${twoDigits(time.getUTCDate())}/${MONTHS[time.getUTCMonth()]}/${time.getUTCFullYear()}:${clock} +0000`;
}

/** Chunks of bytes that together are the log. */
export function* accessLog(lines, seed) {
  const below = chance(seed);
  const pick = (list) => list[below(list.length)];
  let timeMs = START_MS;
  let parts = [];
  let bytes = 0;
  for (let line = 0; line < lines; line++) {
    timeMs += below(400);
    const address = `${1 + below(223)}.${below(256)}.${below(256)}.${below(256)}`;
    const path = pick(PATHS).replace("%d", String(below(100_000)));
    const request = `${pick(METHODS)} ${path} HTTP/1.1`;
    let text = `${address} - - [${timeText(timeMs)}] "${request}" ${pick(STATUSES)} ${below(60_000)} "-" "${
      pick(AGENTS)
    }"`;
    const kind = below(1_000);
    if (kind < 20) text += "\r";
    else if (kind === 20) text = "";
    else if (kind === 21) text += ` ${"x".repeat(below(20_000))}`;
    else if (kind === 22) text = `\ufeff${text}`;
    let content = Buffer.from(text);
    if (kind === 23) content = Buffer.concat([content, Buffer.from([0x20, 0xff, 0x00, 0xc3])]);
    // The last line is never empty: an empty one without an LF is no line.
    if (line === lines - 1) content = Buffer.concat([content, Buffer.from("end")]);
    else content = Buffer.concat([content, Buffer.from([LF])]);
    parts.push(content);
    bytes += content.length;
    if (bytes < CHUNK_BYTES && line < lines - 1) continue;
    yield Buffer.concat(parts);
    parts = [];
    bytes = 0;
  }
}

function numberOf(name, fallback) {
  const at = process.argv.indexOf(`--${name}`);
  const value = at < 0 ? fallback : Number(process.argv[at + 1]);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error("Usage: node tools/access_log.mjs [--lines 1000] [--seed 1]");
  process.exit(2);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  // A reader that has seen enough closes the pipe.
  process.stdout.on("error", () => process.exit(0));
  for (const chunk of accessLog(numberOf("lines", 1_000), numberOf("seed", 1))) {
    if (!process.stdout.write(chunk)) await once(process.stdout, "drain");
  }
}
