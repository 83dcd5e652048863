import assert from "node:assert/strict";
import { test } from "node:test";
import { jsonDepthExceeds } from "../../src/http/json_depth.ts";

const exceeds = (text: string, depthMax: number): boolean => jsonDepthExceeds(new TextEncoder().encode(text), depthMax);

test("jsonDepthExceeds() counts arrays and objects that are open at once", () => {
  assert.equal(exceeds("1", 0), false);
  assert.equal(exceeds("[]", 0), true);
  assert.equal(exceeds("[[],{}]", 2), false);
  assert.equal(exceeds("[[],{}]", 1), true);
  assert.equal(exceeds('{"a":{"b":[1]}}', 3), false);
  assert.equal(exceeds('{"a":{"b":[1]}}', 2), true);
});

test("jsonDepthExceeds() does not count brackets in strings", () => {
  assert.equal(exceeds('["[[[[{{{{"]', 1), false);
  assert.equal(exceeds(String.raw`["\"[[[["]`, 1), false);
  assert.equal(exceeds(String.raw`["\\",[]]`, 1), true);
  assert.equal(exceeds(String.raw`["\\\"[[[["]`, 1), false);
  assert.equal(exceeds('["', 1), false);
  assert.equal(exceeds('["\\', 1), false);
});

test("jsonDepthExceeds() is linear in backslashes and quotes", () => {
  const text = `["${'\\"'.repeat(500_000)}${"\\".repeat(500_000)}"]`;
  assert.equal(exceeds(text, 1), false);
});
