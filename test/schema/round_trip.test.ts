import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { concatBytes } from "../../src/bytes/concat.ts";
import { SchemaReader } from "../../src/schema/schema_reader.ts";
import { SchemaWriter } from "../../src/schema/schema_writer.ts";
import { DECLARED_SCHEMAS } from "../../tools/kafka_schemas.ts";
import { SeededRandom } from "../seeded_random.ts";
import { randomStruct } from "./random_value.ts";

const VALUES_A_VERSION = 12;

test("every message in every version reads what it wrote", () => {
  const random = new SeededRandom(18);
  for (const schema of DECLARED_SCHEMAS) {
    for (let version = schema.versions.min; version <= schema.versions.max; version += 1) {
      for (let round = 0; round < VALUES_A_VERSION; round += 1) {
        const value = randomStruct(random, schema.fields, { version });
        const writer = new SchemaWriter();
        schema.write(writer, value as never, version);
        const bytes = concatBytes(writer.finish());
        equal(bytes.length, writer.sizeBytes);
        const reader = new SchemaReader(bytes);
        const read = schema.read(reader, version);
        equal(reader.fault, null, `${schema.name} v${version}`);
        equal(reader.left, 0, `${schema.name} v${version}`);
        deepEqual(read, value, `${schema.name} v${version}`);
      }
    }
  }
});

test("every message that is cut off is a fault, at every byte", () => {
  const random = new SeededRandom(19);
  for (const schema of DECLARED_SCHEMAS) {
    const version = schema.versions.max;
    const value = randomStruct(random, schema.fields, { version });
    const writer = new SchemaWriter();
    schema.write(writer, value as never, version);
    const bytes = concatBytes(writer.finish());
    for (let length = 0; length < bytes.length; length += 1) {
      const reader = new SchemaReader(bytes, 0, length);
      schema.read(reader, version);
      ok(reader.fault !== null, `${schema.name} v${version} cut to ${length} of ${bytes.length} bytes`);
    }
  }
});

test("changed bytes give a value or a fault, and what is a value can be written again", () => {
  const random = new SeededRandom(20);
  for (const schema of DECLARED_SCHEMAS) {
    for (let version = schema.versions.min; version <= schema.versions.max; version += 1) {
      for (let round = 0; round < VALUES_A_VERSION; round += 1) {
        const writer = new SchemaWriter();
        schema.write(writer, randomStruct(random, schema.fields, { version }) as never, version);
        const reader = new SchemaReader(random.mutate(concatBytes(writer.finish())));
        const value = schema.read(reader, version);
        if (reader.fault !== null) continue;
        const again = new SchemaWriter();
        schema.write(again, value as never, version);
        const rewritten = new SchemaReader(concatBytes(again.finish()));
        schema.read(rewritten, version);
        equal(rewritten.fault, null, `${schema.name} v${version}`);
      }
    }
  }
});
