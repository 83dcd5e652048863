/**
 * How the program of a client tells what works with a broker: one line a check, the same in every language:
 *
 *     ok CAPABILITY: WHAT
 *     failed CAPABILITY: WHAT: REASON
 *     none CAPABILITY: WHAT: REASON          not made: the client has no means for it, or the broker does not offer it
 */
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";

/** A check that has not ended by then never will. */
const CHECK_MS_MAX = 45_000;

/** Runs one check; what it throws is its failure. Resolves to whether it holds. */
export async function check(capability, what, run) {
  const timer = new AbortController();
  const late = pause(CHECK_MS_MAX, null, { signal: timer.signal }).then(
    () => Promise.reject(new Error(`not done after ${CHECK_MS_MAX / 1000} s`)),
    () => null,
  );
  try {
    await Promise.race([run(), late]);
    console.log(`ok ${capability}: ${what}`);
    return true;
  } catch (error) {
    console.log(`failed ${capability}: ${what}: ${reasonOf(error)}`);
    return false;
  } finally {
    timer.abort();
  }
}

/** A check that is not made. */
export function cannot(capability, what, reason) {
  console.log(`none ${capability}: ${what}: ${reason}`);
}

/** One line, with the reasons below it: clients wrap what the broker said. */
function reasonOf(error) {
  const reasons = [];
  const add = (one) => {
    reasons.push(String(one?.message ?? one));
    for (const below of one?.errors ?? (one?.cause === undefined ? [] : [one.cause])) add(below);
  };
  add(error);
  return [...new Set(reasons)].slice(0, 4).join(" <- ").replace(/\s+/g, " ").slice(0, 600);
}

export function equal(found, wanted, what = "value") {
  const [left, right] = [found, wanted].map((value) => JSON.stringify(value, plain));
  if (left !== right) throw new Error(`${what} is ${left.slice(0, 200)}, not ${right.slice(0, 200)}`);
}

function plain(_key, value) {
  if (typeof value === "bigint") return Number(value);
  return value;
}

export function hold(condition, what) {
  if (!condition) throw new Error(what);
}

/** Waits until `isDone` says so; polls, since not every client tells. */
export async function until(isDone, what, waitMsMax = 30_000) {
  for (let waitedMs = 0; waitedMs < waitMsMax; waitedMs += 20) {
    if (await isDone()) return;
    await pause(20);
  }
  throw new Error(`after ${waitMsMax / 1000} s not yet: ${typeof what === "function" ? what() : what}`);
}

/** A name that no run before has used. */
export function freshName(what) {
  return `${what}-${process.pid}-${Date.now().toString(36)}`;
}

/** What a program is given: the broker's address. */
export function bootstrapAddress() {
  const address = process.argv[2];
  if (address === undefined || !/:\d+$/.test(address)) {
    console.error(`Usage: ${process.argv[1]} HOST:PORT`);
    process.exit(2);
  }
  return address;
}

/** Whether the broker offers an API; true where nobody has looked. */
export function offers(apiKey) {
  const apis = process.env.SENTINEL_BROKER_APIS;
  return apis === undefined || apis.split(",").includes(String(apiKey));
}

/** The heartbeat of the consumer protocol (KIP-848). */
export const CONSUMER_GROUP_HEARTBEAT = 68;

export const CODECS = ["none", "gzip", "snappy", "lz4", "zstd"];

/** Keys, values and headers of all shapes; `null` is no key, or a tombstone. */
export function recordsOfAllShapes() {
  const utf8 = (text) => Buffer.from(text, "utf8");
  return [
    { key: utf8("plain"), value: utf8("value") },
    { key: null, value: utf8("without a key") },
    { key: utf8("tombstone"), value: null },
    { key: utf8(""), value: utf8("") },
    { key: utf8("ключ 鍵 🔑"), value: utf8("значение 値 💡") },
    { key: Buffer.from([0, 255, 128, 10, 13]), value: Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)) },
    { key: utf8("large"), value: Buffer.alloc(200_000, "Sentinel ") },
  ];
}

/** Key and value as text that shows every byte. */
export function shapeOf({ key, value }) {
  const text = (bytes) => bytes === null || bytes === undefined ? null : Buffer.from(bytes).toString("hex");
  return [text(key), text(value)];
}

/** The text of a record in the checks that count records. */
export function numbered(count, from = 0) {
  return Array.from({ length: count }, (_, index) => `record ${from + index}`);
}
