import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../../src/base/limits.ts";
import { type Cursor, decodeCursor, encodeCursor } from "../../src/http/cursor.ts";
import { SeededRandom } from "../seeded_random.ts";

const MAX = Number.MAX_SAFE_INTEGER;
const CURSORS: readonly Cursor[] = [
  { kind: "partition", topicId: "AAAAAAAAQACAAAAAAAAAAA", partition: 0, offset: 0 },
  { kind: "partition", topicId: "_-9", partition: 9_999, offset: MAX },
  { kind: "all", topicId: "AAAAAAAAQACAAAAAAAAAAA", first: 2, offsets: [0, 35, MAX] },
];

test("decodeCursor() gives back what encodeCursor() was given, in characters of a URL", () => {
  for (const cursor of CURSORS) {
    const text = encodeCursor(cursor);
    assert.match(text, /^[A-Za-z0-9._~-]+$/);
    assert.equal(new URL(`http://x/?cursor=${text}`).searchParams.get("cursor"), text);
    assert.deepEqual(decodeCursor(text), cursor);
  }
});

test("decodeCursor() takes as many offsets as one read may go over, and not one more", () => {
  for (
    const [count, isTaken] of [[LIMITS.httpReadPartitionsMax, true], [LIMITS.httpReadPartitionsMax + 1, false]] as const
  ) {
    const text = encodeCursor({ kind: "all", topicId: "a", first: 0, offsets: new Array(count).fill(1) });
    assert.equal(decodeCursor(text) !== null, isTaken);
  }
});

test("decodeCursor() refuses everything else", () => {
  const bad = [
    "",
    ".",
    "p",
    "p.a.0",
    "p.a.0.0.0",
    "q.a.0.0",
    "p..0.0",
    "p.a..0",
    "p.a.0.",
    "p.a.-1.0",
    "p.a.0.-1",
    "p.a.00.0",
    "p.a.0.A",
    "p.a.0.2gosa7pa2gw",
    "p.a.7ps.0",
    "p.a+.0.0",
    `p.${"a".repeat(65)}.0.0`,
    "a.a.0.",
    "a.a.0.1~",
    "a.a.0.~1",
    "a.a.0.1~~1",
    "p.a.0.1 ",
    "p.a.0.zzzzzzzzzzzz",
  ];
  for (const text of bad) assert.equal(decodeCursor(text), null, text);
});

test("decodeCursor() is total: 50,000 changed cursors give a cursor that reads the same, or null", () => {
  const random = new SeededRandom(7);
  const alphabet = "pa.~0129zZ-_ %\u0000é";
  for (let round = 0; round < 50_000; round++) {
    const text = [...encodeCursor(CURSORS[round % CURSORS.length]!)];
    text[random.below(text.length)] = alphabet[random.below(alphabet.length)]!;
    const decoded = decodeCursor(text.join(""));
    if (decoded !== null) assert.equal(encodeCursor(decoded), text.join(""));
  }
});
