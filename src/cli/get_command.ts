import { z } from "zod";
import { LIMITS } from "../base/limits.ts";
import { decodeBase64Url } from "../bytes/base64.ts";
import { encodeUtf8 } from "../bytes/utf8.ts";
import type { NativeClient } from "../client/native_client.ts";
import { clientFlags, TOPIC_REQUIRED, topicFlag } from "./client_flags.ts";
import {
  type Command,
  type CommandContext,
  connectTo,
  EXIT_DONE,
  EXIT_FAILED,
  fail,
  readFlags,
  refuse,
} from "./command.ts";
import { choice, flag, integer, text, trueOrFalse } from "./flags.ts";
import { type RecordForm, writeRecord } from "./record_lines.ts";

const getFlags = z.object({
  ...clientFlags,
  topic: topicFlag,
  key: flag(text().optional(), { valueName: "KEY", help: "the key (required)" }),
  keyEncoding: flag(choice(["text", "base64url"]).default("text"), {
    valueName: "FORM",
    help: "text, or base64url for a key of any bytes",
  }),
  partition: flag(integer(0, LIMITS.topicPartitionsMax - 1).optional(), {
    valueName: "N",
    help: "where to look; without it, where the broker's partitioner puts the key",
  }),
  json: flag(trueOrFalse().default(false), { help: "the record as the HTTP API has it, one line of JSON" }),
  raw: flag(trueOrFalse().default(false), { help: "the value only, with a line feed" }),
});

type GetFlags = z.output<typeof getFlags>;

const TIMEOUT_MS = 30_000;

export const getCommand: Command = { name: "get", summary: "Get the newest record of a key in a compacted topic", run };

/** `get -topic T -key K`, or shorter `get T K`. */
async function run(context: CommandContext, args: readonly string[]): Promise<number> {
  const read = await readFlags(context, "get", getFlags, args);
  if (typeof read === "number") return read;
  const rest = [...read.positionals];
  const topic = read.values.topic === "" ? rest.shift() ?? "" : read.values.topic;
  const keyText = read.values.key ?? rest.shift();
  if (topic === "") return await refuse(context, TOPIC_REQUIRED);
  if (keyText === undefined) return await refuse(context, "Error: -key is required");
  if (rest.length > 0) return await refuse(context, `Error: unexpected argument ${rest[0]}`);
  const { json, raw, keyEncoding, broker } = read.values;
  if (json && raw) return await refuse(context, "Error: -json and -raw exclude each other");
  const key = keyEncoding === "text" ? encodeUtf8(keyText) : decodeBase64Url(keyText);
  if (key === null) {
    return await refuse(context, `Error: -key ${keyText} is not ${keyEncoding === "text" ? "UTF-8" : keyEncoding}`);
  }
  let client: NativeClient | null = null;
  try {
    client = await connectTo(context, broker, { requestTimeoutMs: TIMEOUT_MS });
    return await get(context, client, { ...read.values, topic }, key);
  } catch (thrown) {
    return await fail(context, "Failed to get", thrown);
  } finally {
    client?.close();
  }
}

async function get(
  { output }: CommandContext,
  client: NativeClient,
  { topic, partition, json, raw }: GetFlags,
  key: Uint8Array,
): Promise<number> {
  const found = await client.getByKey({ topic, key, ...(partition === undefined ? {} : { partition }) });
  if (found.record === null) {
    const { partition: where, highWatermark } = found;
    await output.error(
      `key_not_found: there is no record with this key in ${topic}-${where} up to offset ${highWatermark}`,
    );
    return EXIT_FAILED;
  }
  const form: RecordForm = json ? "json" : raw ? "raw" : "lines";
  writeRecord(output, form, found.record, found.partition);
  await output.flush();
  return EXIT_DONE;
}
