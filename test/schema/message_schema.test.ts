import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import { decodeHex } from "../../src/bytes/hex.ts";
import { array, bytes, int16, int32, int64, records, string, struct, uint32, uuid } from "../../src/schema/field.ts";
import { isSchemaFault, MessageSchema } from "../../src/schema/message_schema.ts";
import { SchemaReader } from "../../src/schema/schema_reader.ts";
import { SchemaWriter } from "../../src/schema/schema_writer.ts";

const sample = new MessageSchema("Sample", { versions: "0-3", flexible: "2+" }, {
  code: int16("0+"),
  name: string("0+", { nullable: "1+" }),
  id: uuid("3+", { ignorable: true }),
  strict: int32("1+", { default: 7 }),
  items: array("0+", { key: int64("0+"), data: bytes("0+") }),
  extra: struct("2+", { epoch: int32("2+", { default: -1 }) }, { tag: 1 }),
  label: string("3+", { tag: 0, default: null, nullable: "3+" }),
});

const hex = (text: string): Uint8Array => decodeHex(text.replaceAll(" ", ""))!;

test("golden bytes: plain, with a null, compact, and with tagged fields", () => {
  const items = [{ key: -2, data: Uint8Array.of(1, 2) }];
  deepEqual(
    sample.encode({ code: 3, name: "ab", items }, 0),
    hex("0003 0002 6162 00000001 fffffffffffffffe 00000002 0102"),
  );
  deepEqual(sample.encode({ code: 3, name: null, items: [] }, 1), hex("0003 ffff 00000007 00000000"));
  deepEqual(
    sample.encode({ code: 3, name: "ab", items }, 2),
    hex("0003 03 6162 00000007 02 fffffffffffffffe 03 0102 00 00"),
  );
  deepEqual(
    sample.encode({ code: 3, name: null, items: [], label: "x", extra: { epoch: 5 } }, 3),
    hex("0003 00 00000000000000000000000000000000 00000007 01 02 00 02 02 78 01 05 00000005 00"),
  );
});

test("a version without a field gives its default", () => {
  const value = sample.decode(hex("0003 0002 6162 00000000"), 0);
  deepEqual(value, {
    code: 3,
    name: "ab",
    id: "AAAAAAAAAAAAAAAAAAAAAA",
    strict: 7,
    items: [],
    extra: { epoch: -1 },
    label: null,
  });
});

test("what the version cannot say is refused, unless it may be dropped", () => {
  sample.encode({ code: 1, name: "", items: [], id: "AAAAAAAAAAAAAAAAAAAAAQ" }, 0);
  throws(() => sample.encode({ code: 1, name: "", items: [], strict: 8 }, 0), /strict/);
  throws(() => sample.encode({ code: 1, name: "", items: [], extra: { epoch: 0 } }, 1), /extra/);
  sample.encode({ code: 1, name: "", items: [], extra: { epoch: -1 } }, 1);
  throws(() => sample.encode({ code: 1, name: "", items: [] }, 4), /no version 4/);
});

test("faults: null, lengths and counts that cannot be, tags out of order or of the wrong size", () => {
  const faultOf = (text: string, version: number): string => {
    const read = sample.decode(hex(text), version);
    ok(isSchemaFault(read), `${text} is read`);
    return read.fault;
  };
  match(faultOf("0003 ffff 00000000", 0), /length of -1/);
  match(faultOf("0003 fffe 00000007 00000000", 1), /length of -2/);
  match(faultOf("0003 0000 ffffffff", 0), /count of -1/);
  match(faultOf("0003 0000 00000002 000000000000000000000000", 0), /count of 2 does not fit/);
  match(faultOf("0003 01 00000007 00 00", 2), /count of -1/);
  match(faultOf("0003 01 00000007 01 02 05 00 05 00", 2), /tag 5 follows 5/);
  match(faultOf("0003 01 00000007 01 01 01 06 00000005 00", 2), /does not fit|tagged field ends/);
  match(faultOf("0003 01 00000007 01 01 01 06 00000005 00 00", 2), /tagged field ends/);
  match(faultOf("0003 01 00000007 01 ffffffff0f", 2), /does not fit/);
});

test("text that is not UTF-8 is read as Kafka reads it", () => {
  const value = sample.decode(hex("0003 0003 61ff62 00000000"), 0);
  ok(!isSchemaFault(value));
  equal(value.name, "a\ufffdb");
});

test("unknown tagged fields are jumped over; bytes behind the value are left alone", () => {
  const value = sample.decode(hex("0003 01 00000007 01 02 01 05 00000009 00 63 02 ffff 77"), 2);
  ok(!isSchemaFault(value));
  equal(value.extra.epoch, 9);
});

test("a count that the bytes allow is still bounded: an item is an object", () => {
  const list = new MessageSchema("List", { versions: "0", flexible: "none" }, { items: array("0", "int8") });
  const bytes = new Uint8Array(4 + 1_000_001);
  new DataView(bytes.buffer).setInt32(0, 1_000_001);
  const read = list.decode(bytes, 0);
  ok(isSchemaFault(read));
  match(read.fault, /1000001 items/);
});

test("long byte strings are views when they are read and slices when they are written", () => {
  const batch = new MessageSchema("Batch", { versions: "0", flexible: "none" }, {
    sum: uint32("0"),
    records: records("0", { nullable: "0" }),
    end: int16("0"),
  });
  const long = new Uint8Array(1_000).fill(5);
  const short = Uint8Array.of(1, 2, 3);
  const writer = new SchemaWriter();
  batch.write(writer, { sum: 4_294_967_295, records: [long, short, long], end: 9 }, 0);
  const slices = writer.finish();
  deepEqual(slices.map(({ length }) => length), [8, 1_000, 3, 1_000, 2]);
  equal(slices[1], long);
  equal(writer.sizeBytes, 2_013);
  const whole = batch.encode({ sum: 1, records: long, end: 9 }, 0);
  const read = batch.decode(whole, 0);
  ok(!isSchemaFault(read));
  equal(read.records!.buffer, whole.buffer);
});

test("internal records carry their version before them", () => {
  const encoded = sample.encodeVersioned({ code: 3, name: "ab", items: [] }, 1);
  deepEqual(encoded.subarray(0, 2), hex("0001"));
  const value = sample.decodeVersioned(encoded);
  ok(!isSchemaFault(value));
  equal(value.name, "ab");
  deepEqual(sample.decodeVersioned(hex("0009")), { fault: "Sample has no version 9" });
  ok(isSchemaFault(sample.decodeVersioned(hex("00"))));
});

test("a reader stops at the fault: the items after it are not made", () => {
  const list = new MessageSchema("List", { versions: "0", flexible: "none" }, {
    items: array("0", { name: string("0") }),
  });
  const bytes = new Uint8Array(4 + 2 * 500_000);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, 500_000);
  view.setInt16(4, -1);
  const reader = new SchemaReader(bytes);
  const value = list.read(reader, 0);
  ok(reader.fault !== null);
  equal(value.items.length, 1);
});
