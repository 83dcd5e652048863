import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { type ErrorCode, ERRORS, PlatformError, SentinelError } from "../../../src/base/errors.ts";
import { answerThrown, errorAnswer } from "../../../src/protocols/kafka/error_answer.ts";
import { KAFKA_ERRORS } from "../../../src/protocols/kafka/wire/error_codes.ts";

test("every code of the error table has a number that Kafka's clients know, and none is success", () => {
  const numbers: ReadonlySet<number> = new Set(Object.values(KAFKA_ERRORS));
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    const { errorCode } = errorAnswer(new SentinelError(code, "detail"));
    ok(numbers.has(errorCode) && errorCode !== 0, `${code}: ${errorCode}`);
  }
});

test("what a producer should try again says so, where the table's own number would not", () => {
  equal(errorAnswer(new SentinelError("overloaded", "full")).errorCode, 19);
  equal(errorAnswer(new SentinelError("shutting_down", "stop")).errorCode, 6);
});

test("a text is cut to what fits into Kafka's string; our own bug keeps its text to itself, and is told", () => {
  const { errorMessage } = errorAnswer(new SentinelError("invalid_record", "\u{1f600}".repeat(40_000)));
  ok(new TextEncoder().encode(errorMessage).length < 32_767);
  const told: unknown[] = [];
  const answer = answerThrown(new TypeError("secret"), (error) => told.push(error.cause));
  equal(answer.errorCode, -1);
  ok(!answer.errorMessage.includes("secret"));
  ok(told[0] instanceof TypeError);
  equal(answerThrown(new PlatformError("io", "read", "file"), () => told.push(0)).errorCode, 56);
  equal(told.length, 1);
});
