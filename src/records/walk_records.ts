import { ByteReader } from "../bytes/byte_reader.ts";

/** The fields of a record at the front of its body, and where its key starts. One object is filled again and again. */
export interface RecordFront {
  /** Position after the record. */
  end: number;
  timestampDelta: number;
  offsetDelta: number;
  /** −1: null. */
  keyBytes: number;
}

/** An empty front to read into. */
export function makeRecordFront(): RecordFront {
  return { end: 0, timestampDelta: 0, offsetDelta: 0, keyBytes: -1 };
}

/**
 * Reads a record (layout: protocol notes §5.1) up to its key's length. A fault of any kind is the reader's `fault`.
 *
 *   varint length, int8 attributes, varlong timestampDelta, varint offsetDelta, varint keyLength (−1 null) key,
 *   varint valueLength (−1 null) value, varint headerCount, each: varint nameLength name, varint valueLength (−1) value
 */
export function readRecordFront(reader: ByteReader, front: RecordFront): void {
  const length = reader.varint();
  if (length < 0 || length > reader.end - reader.at) reader.fail(`A record's length is ${length}`);
  front.end = reader.at + length;
  reader.skip(1);
  front.timestampDelta = reader.varlong();
  front.offsetDelta = reader.varint();
  front.keyBytes = reader.varint();
}

/** Moves over the key, the value and the headers and checks that the record ends where its length says. */
export function skipRecordBody(reader: ByteReader, front: RecordFront): void {
  skipNullable(reader, front.keyBytes);
  skipNullable(reader, reader.varint());
  // A header takes two bytes at least.
  const headerCount = reader.checkCount(reader.varint(), 2);
  for (let header = 0; header < headerCount && reader.fault === null; header++) {
    reader.skip(reader.varint());
    skipNullable(reader, reader.varint());
  }
  endRecord(reader, front);
}

/** States that the record ends here. */
export function endRecord(reader: ByteReader, front: RecordFront): void {
  if (reader.fault === null && reader.at !== front.end) reader.fail(`A record of another length (${front.end})`);
}

function skipNullable(reader: ByteReader, length: number): void {
  if (length !== -1) reader.skip(length);
}
