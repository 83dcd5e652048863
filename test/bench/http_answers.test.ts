import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes } from "../../src/bytes/concat.ts";
import { HttpAnswers } from "../../bench/http_answers.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const ANSWER = bytesOf("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: x\r\n\r\nhello");

test("HttpAnswers finds an answer that was cut anywhere", () => {
  for (let cut = 1; cut < ANSWER.length; cut++) {
    const answers = new HttpAnswers({ keepsBody: true });
    assert.equal(answers.push(ANSWER.slice(0, cut)), null);
    assert.deepEqual(answers.push(ANSWER.slice(cut)), { status: 200, bodyBytes: 5 });
    assert.equal(new TextDecoder().decode(concatBytes(answers.body)), "hello");
  }
});

test("HttpAnswers takes one answer after the other, with and without a body", () => {
  const answers = new HttpAnswers({ keepsBody: true });
  assert.deepEqual(answers.push(ANSWER), { status: 200, bodyBytes: 5 });
  assert.deepEqual(answers.push(bytesOf("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n")), {
    status: 503,
    bodyBytes: 0,
  });
  assert.equal(concatBytes(answers.body).length, 0);
  assert.deepEqual(answers.push(ANSWER), { status: 200, bodyBytes: 5 });
});

test("HttpAnswers refuses what has no length, is no HTTP/1.1, or goes on behind its end", () => {
  assert.throws(
    () => new HttpAnswers().push(bytesOf("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")),
    /length/,
  );
  assert.throws(() => new HttpAnswers().push(bytesOf("ICY 200 OK\r\ncontent-length: 0\r\n\r\n")), /length/);
  assert.throws(() => new HttpAnswers().push(bytesOf("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab")), /behind/);
  assert.throws(() => new HttpAnswers().push(new Uint8Array(17_000)), /head/);
});
