import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { differencesBetween } from "./compare.ts";

test("differencesBetween() finds nothing between answers that differ only in what two brokers never share", () => {
  const answer = (id: string, host: string, first: string, second: string) => ({
    ClusterId: id,
    Brokers: [{ NodeId: 1, Host: host, Port: id.length }],
    Topics: [{ Name: first, TopicId: id }, { Name: second, TopicId: id }],
  });
  deepEqual(differencesBetween(answer("a", "x", "t", "u"), answer("bb", "y", "u", "t")), []);
  deepEqual(differencesBetween("connection closed", "connection closed"), []);
});

test("differencesBetween() names every place that differs", () => {
  const kafka = {
    ErrorCode: 0,
    Topics: [
      { Name: "t", TopicId: "AAAAAAAAAAAAAAAAAAAAAA", Partitions: [1, 2], Synonyms: [{ Name: "a" }, { Name: "b" }] },
      { Name: "gone", ErrorMessage: null },
      { Name: "t", Twice: 1 },
    ],
  };
  const ours = {
    ErrorCode: 3,
    Topics: [
      { Name: "t", TopicId: "BAAAAAAAAAAAAAAAAAAAAA", Partitions: [1], Synonyms: [{ Name: "b" }, { Name: "a" }] },
      { Name: "t", Twice: 2 },
      { Name: "new" },
    ],
  };
  deepEqual(
    differencesBetween(kafka, ours).map(({ path, kafka: left, ours: right }) => `${path}: ${left} | ${right}`),
    [
      "ErrorCode: 0 | 3",
      'Topics[t].TopicId: "AAAAAAAAAAAAAAAAAAAAAA" | <TopicId>',
      "Topics[t].Partitions[1]: 2 | absent",
      'Topics[t].Synonyms[0].Name: "a" | "b"',
      'Topics[t].Synonyms[1].Name: "b" | "a"',
      'Topics[gone]: {"Name":"gone","ErrorMessage":null} | absent',
      "Topics[t #2].Twice: 1 | 2",
      'Topics[new]: absent | {"Name":"new"}',
    ],
  );
  deepEqual(differencesBetween(kafka, "connection closed").length, 1);
});
