import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import {
  DECLARED_SCHEMAS,
  describeDefinition,
  describeSchema,
  differences,
  digestOf,
  parseDefinition,
} from "../../../tools/kafka_schemas.ts";
import digests from "./schema_digests.json" with { type: "json" };

test("every declaration says what Kafka's definition says", () => {
  const expected: Readonly<Record<string, string>> = digests;
  deepEqual(DECLARED_SCHEMAS.map(({ name }) => name).sort(), Object.keys(expected).sort());
  for (const schema of DECLARED_SCHEMAS) {
    equal(
      digestOf(describeSchema(schema)),
      expected[schema.name],
      `${schema.name}\n${describeSchema(schema).join("\n")}`,
    );
  }
});

test("a definition and a declaration come down to the same lines, and a difference is seen", () => {
  const definition = parseDefinition(`{
    // a comment
    "apiKey": 1, "type": "request", "name": "XRequest", "validVersions": "2-4", "flexibleVersions": "3+",
    "commonStructs": [{ "name": "Y", "versions": "0+", "fields": [
      { "name": "Z", "type": "int64", "versions": "0+", "default": "-1", "ignorable": true }
    ]}],
    "fields": [
      { "name": "List", "type": "[]Y", "versions": "0+", "nullableVersions": "3+" }, // another
      { "name": "Text", "type": "string", "versions": "4+", "taggedVersions": "4+", "tag": 0, "default": "null" }
    ]
  }`);
  equal(definition.name, "XRequest");
  const lines = describeDefinition(definition);
  deepEqual(lines, [
    "versions 2-4, flexible 3-4",
    "list []struct 2-4 nullable 3-4 default []",
    "list.z int64 2-4 default -1 ignorable",
    "text string 4-4 tag 0 4-4 default null",
  ]);
  deepEqual(differences(lines, lines), []);
  deepEqual(differences(["a", "b"], ["a", "c"]), ["- b", "+ c"]);
});
