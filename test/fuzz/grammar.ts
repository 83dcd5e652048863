/** Values and texts as a hostile or broken client makes them: what the grammar allows and no program expects. */
import type { CborInput } from "../../src/cbor/encode_cbor.ts";
import type { SeededRandom } from "../seeded_random.ts";
import { randomBytes } from "./mutation.ts";

const NUMBERS = [
  0,
  -0,
  1,
  -1,
  2,
  3,
  0.5,
  -1.5,
  255,
  256,
  1_000,
  10_000,
  10_001,
  65_536,
  2_147_483_647,
  2_147_483_648,
  4_294_967_296,
  -2_147_483_649,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  1e300,
  5e-324,
  1_048_576,
  52_428_800,
  52_428_801,
] as const;

/** Texts that mean something to somebody on the way: a path, a prototype, an end of text, a number. */
export const TEXTS = [
  "",
  "a",
  "orders",
  "t",
  "0",
  "-1",
  "1e3",
  "__proto__",
  "constructor",
  "toString",
  "..",
  ".",
  "../../etc/passwd",
  "..%2f..%2fetc",
  "%00",
  "\0",
  "a\0b",
  "a/b",
  "a b",
  "é",
  "\u{1f600}",
  "\ufeff",
  "\u202e",
  "true",
  "null",
  "earliest",
  "latest",
  "@0",
  "@9007199254740993",
  "18446744073709551616",
  "a".repeat(249),
  "a".repeat(250),
  "\r\n",
  "'\"<>&;",
  "NaN",
] as const;

const SETTINGS = [
  "retention.ms",
  "retention.bytes",
  "segment.bytes",
  "cleanup.policy",
  "max.message.bytes",
  "min.insync.replicas",
  "index.interval.bytes",
  "message.timestamp.type",
  "compression.type",
  "storage.engine",
  "durability",
] as const;
const SETTING_VALUES = [
  "1000",
  "-1",
  "-2",
  "0",
  "007",
  "1e3",
  "",
  "delete",
  "compact",
  "LogAppendTime",
  "CreateTime",
  "producer",
  "gzip",
  "fsync",
  "os",
  "interval",
  "log",
  "lsm",
  "1048576",
  "1048575",
  "67108864",
  "67108865",
  "9223372036854775807",
  "99999999999999999999",
] as const;

export function anyText(random: SeededRandom): string {
  if (random.below(3) > 0) return random.pick(TEXTS);
  return Array.from({ length: random.below(20) }, () => String.fromCharCode(random.below(0x300))).join("");
}

/** Any value that CBOR can say, `depth` containers deep at most. */
export function anyValue(random: SeededRandom, depth = 3): CborInput {
  switch (random.below(depth > 0 ? 9 : 6)) {
    case 0:
      return random.pick(NUMBERS);
    case 1:
      return anyText(random);
    case 2:
      return randomBytes(random, random.below(30));
    case 3:
      return random.pick([null, true, false]);
    case 4:
      return random.uint32() - 2_147_483_648;
    case 5:
      return random.below(4);
    case 6:
      return Array.from({ length: random.below(5) }, () => anyValue(random, depth - 1));
    case 7:
      return Object.fromEntries(
        Array.from({ length: random.below(5) }, () => [keyOf(random), anyValue(random, depth - 1)]),
      );
    default: {
      // Deeper than any bound of ours.
      let nested: CborInput = 0;
      for (let level = random.below(80); level > 0; level--) nested = level % 2 === 0 ? [nested] : { a: nested };
      return nested;
    }
  }
}

function keyOf(random: SeededRandom): string {
  const key = anyText(random);
  // An object literal's own `__proto__` would be its prototype; the byte level brings that name in.
  return key === "__proto__" ? "__prot__" : key;
}

/** A map of fields of which each is mostly right, sometimes any value, sometimes missing; and fields that nobody asked for. */
export function nearly(
  random: SeededRandom,
  fields: Readonly<Record<string, (random: SeededRandom) => CborInput>>,
): { [key: string]: CborInput } {
  const made: { [key: string]: CborInput } = {};
  for (const [name, make] of Object.entries(fields)) {
    const chance = random.below(14);
    if (chance === 0) continue;
    made[name] = chance === 1 ? anyValue(random, 2) : make(random);
  }
  if (random.below(10) === 0) made[keyOf(random)] = anyValue(random, 1);
  return made;
}

export function nearlyTopic(random: SeededRandom): string {
  return random.below(8) === 0 ? anyText(random) : random.pick(["orders", "t", "u"]);
}

export function nearlyConfig(random: SeededRandom): CborInput {
  const rows = Array.from({ length: random.below(4) }, (): [string, CborInput] => [
    random.below(8) === 0 ? keyOf(random) : random.pick(SETTINGS),
    random.below(12) === 0 ? anyValue(random, 1) : random.pick(SETTING_VALUES),
  ]);
  return Object.fromEntries(rows);
}

/** A record of the record form; `b64`: with the members of the JSON form in place of byte strings. */
export function nearlyRecord(random: SeededRandom, form: "json" | "cbor"): CborInput {
  const bytes = (inner: SeededRandom): CborInput =>
    form === "json" ? random.pick(TEXTS) : random.below(2) === 0 ? randomBytes(inner, inner.below(12)) : anyText(inner);
  const b64 = (inner: SeededRandom): CborInput =>
    inner.pick(["AAE=", "3q2+7w==", "AAE", "A", "====", "A A=", "", "_-8="]);
  const fields: Record<string, (random: SeededRandom) => CborInput> = {};
  if (random.below(3) === 0) fields["key"] = bytes;
  if (random.below(8) === 0) fields["keyB64"] = b64;
  if (random.below(10) > 0) fields["value"] = random.below(3) === 0 ? (inner) => anyValue(inner, 3) : bytes;
  // Both `value` and `valueB64` is a fault of its own.
  if (random.below(8) === 0) fields["valueB64"] = b64;
  if (random.below(3) === 0) {
    fields["headers"] = (inner) =>
      Array.from({ length: inner.below(4) }, (): CborInput => [
        anyText(inner),
        inner.below(3) === 0 ? (form === "json" ? { b64: b64(inner) } : randomBytes(inner, 3)) : bytes(inner),
      ]);
  }
  if (random.below(4) === 0) fields["timestamp"] = (inner) => inner.pick(NUMBERS);
  if (random.below(4) === 0) fields["partition"] = (inner) => inner.pick([0, 0, 1, 2, 77, -1]);
  return nearly(random, fields);
}

const HOSTILE_JSON = [
  '"__proto__":{"x":1},',
  '"value":1,"value":2,',
  "1e999",
  "9007199254740993",
  '"\\ud800"',
  '"\\u0000"',
  '"\\udc00\\ud800"',
  "[[[[[[[[[[",
  '{"a":',
  "-",
  "01",
  "\u2028",
  "\ufeff",
  '"\\x"',
  "NaN",
  "'",
  '"valueB64":"AAE=",',
  '"constructor":1,',
  ",,",
] as const;

const encoder = new TextEncoder();

/** A value as JSON, with what JSON libraries disagree about put in somewhere. Byte strings become texts. */
export function hostileJson(random: SeededRandom, value: CborInput): Uint8Array {
  let text = JSON.stringify(value, (_, member) => member instanceof Uint8Array ? [...member].join() : member) ?? "";
  if (random.below(4) === 0) {
    const places = [...text].flatMap((character, at) => "{[,:".includes(character) ? [at + 1] : []);
    const at = places.length === 0 ? 0 : random.pick(places);
    text = text.slice(0, at) + random.pick(HOSTILE_JSON) + text.slice(at);
  }
  return encoder.encode(text);
}
