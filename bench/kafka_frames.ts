/** Kafka requests as bytes, made once and sent again and again, and whether their answers are good. */
import { ByteWriter } from "../src/bytes/byte_writer.ts";

/** API keys with the version that is spoken here: old enough to be plain, young enough for every broker since 2.1. */
const APIS = {
  produce: [0, 7],
  fetch: [1, 4],
  createTopics: [19, 2],
  apiVersions: [18, 0],
} as const;
const TIMEOUT_MS = 30_000;
/** The length of the size and of a response's header. */
const CORRELATION_BYTES = 4;

function requestFrame(api: keyof typeof APIS, bytesExpected: number, write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter(bytesExpected + 64);
  const [key, version] = APIS[api];
  writer.int32(0);
  writer.int16(key);
  writer.int16(version);
  writer.int32(1);
  shortText(writer, "bench");
  write(writer);
  const frame = writer.written.slice();
  viewOf(frame).setInt32(0, frame.length - 4);
  return frame;
}

function shortText(writer: ByteWriter, text: string): void {
  const bytes = new TextEncoder().encode(text);
  writer.int16(bytes.length);
  writer.bytes(bytes);
}

export function apiVersionsRequest(): Uint8Array {
  return requestFrame("apiVersions", 0, () => {});
}

/** One batch for one partition, acknowledged by all. */
export function produceRequest(topic: string, partition: number, batch: Uint8Array): Uint8Array {
  return requestFrame("produce", batch.length, (writer) => {
    writer.int16(-1);
    writer.int16(-1);
    writer.int32(TIMEOUT_MS);
    writer.int32(1);
    shortText(writer, topic);
    writer.int32(1);
    writer.int32(partition);
    writer.int32(batch.length);
    writer.bytes(batch);
  });
}

/** What lies at an offset, up to `bytesMax`, without a wait. */
export function fetchRequest(topic: string, partition: number, offset: number, bytesMax: number): Uint8Array {
  return requestFrame("fetch", 64, (writer) => {
    writer.int32(-1);
    writer.int32(0);
    writer.int32(0);
    writer.int32(bytesMax);
    writer.int8(0);
    writer.int32(1);
    shortText(writer, topic);
    writer.int32(1);
    writer.int32(partition);
    writer.int64(offset);
    writer.int32(bytesMax);
  });
}

export function createTopicRequest(
  topic: string,
  partitions: number,
  config: Readonly<Record<string, string>>,
): Uint8Array {
  return requestFrame("createTopics", 64, (writer) => {
    writer.int32(1);
    shortText(writer, topic);
    writer.int32(partitions);
    writer.int16(1);
    writer.int32(0);
    writer.int32(Object.keys(config).length);
    for (const [name, value] of Object.entries(config)) {
      shortText(writer, name);
      shortText(writer, value);
    }
    writer.int32(TIMEOUT_MS);
    writer.int8(0);
  });
}

/** The error code of an answer with one topic of `topicBytes` and, where it has any, one partition. */
function errorOf(kind: "produce" | "fetch" | "createTopics", answer: Uint8Array): number {
  const view = viewOf(answer);
  // Fetch 4 and CreateTopics 2 begin with the throttle time.
  let at = CORRELATION_BYTES + (kind === "produce" ? 0 : 4);
  if (view.getInt32(at) !== 1) return -1;
  at += 4;
  at += 2 + view.getInt16(at);
  if (kind === "createTopics") return view.getInt16(at);
  if (view.getInt32(at) !== 1) return -1;
  return view.getInt16(at + 8);
}

/** Throws when the answer reports an error. */
export function holdGood(kind: "produce" | "fetch" | "createTopics", answer: Uint8Array): void {
  const code = errorOf(kind, answer);
  if (code !== 0) throw new Error(`${kind} is answered with error ${code}`);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
