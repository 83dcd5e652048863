/** Texts that callers write: cursors, query parameters, CSV, base64. */
import assert from "node:assert/strict";
import { decodeBase64, encodeBase64 } from "../../../src/bytes/base64.ts";
import { decodeUtf8, decodeUtf8Leniently } from "../../../src/bytes/utf8.ts";
import { parseCsv } from "../../../src/cli/csv.ts";
import { LineSplitter } from "../../../src/cli/line_splitter.ts";
import { decodeCursor, encodeCursor } from "../../../src/http/cursor.ts";
import { parseQuery } from "../../../src/http/query.ts";
import type { FuzzTarget } from "../fuzz_target.ts";
import { TEXTS } from "../grammar.ts";
import { mutate, randomBytes } from "../mutation.ts";
import { allowRefusals } from "./documented_errors.ts";

const encoder = new TextEncoder();
const latin = (bytes: Uint8Array): string => decodeUtf8Leniently(bytes);

export const cursors: FuzzTarget = {
  name: "cursors",
  weight: 40,
  inputsPerSubject: 1_000_000,
  open: async () => {
    const topicId = "AAAAAAAAAAAAAAAAAAAAAQ";
    const seeds = [
      encodeCursor({ kind: "partition", topicId, partition: 3, offset: 123_456 }),
      encodeCursor({ kind: "all", topicId, first: 1, offsets: [0, 5, Number.MAX_SAFE_INTEGER] }),
    ].map((text) => encoder.encode(text));
    return {
      make: (random) => mutate(random, random.pick(seeds)),
      check(input) {
        const text = latin(input);
        const cursor = decodeCursor(text);
        if (cursor !== null) assert.equal(encodeCursor(cursor), text);
      },
    };
  },
};

export const queries: FuzzTarget = {
  name: "queries",
  weight: 30,
  inputsPerSubject: 1_000_000,
  open: async () => ({
    make(random) {
      const pairs = Array.from({ length: random.below(5) }, () => {
        const value = encodeURIComponent(random.pick(TEXTS).toWellFormed());
        return `${random.pick(["from", "limit", "cursor", "__proto__", "a%00b", ""])}=${value}`;
      });
      return mutate(random, encoder.encode(pairs.join("&")));
    },
    check(input) {
      try {
        const parameters = parseQuery(latin(input));
        assert.equal(Object.getPrototypeOf(parameters), null);
      } catch (thrown) {
        allowRefusals(thrown, ["invalid_parameter"]);
      }
    },
  }),
};

export const csv: FuzzTarget = {
  name: "csv",
  weight: 30,
  inputsPerSubject: 1_000_000,
  open: async () => {
    const seeds = ['a,b,c\n1,"x, ""y""\n",3\r\n\n4\n', '"a"x,b\n"unended', "\ufeffname;b\r1,2\r", ""].map((text) =>
      encoder.encode(text)
    );
    return {
      make: (random) => mutate(random, random.pick(seeds)),
      check(input) {
        const text = latin(input);
        const rows = parseCsv(text);
        const fields = rows.reduce((sum, row) => sum + row.size, 0);
        assert.ok(fields <= text.length + 1, `${fields} fields of ${text.length} characters`);
        // The same lines, however the stream was cut.
        const splitter = new LineSplitter();
        let count = 0;
        for (let at = 0; at < input.length; at += 3) {
          for (const line of splitter.push(input.subarray(at, at + 3))) count += line.length + 1;
        }
        assert.equal(count + (splitter.end()?.length ?? 0), input.length);
      },
    };
  },
};

export const byteTexts: FuzzTarget = {
  name: "byte_texts",
  weight: 60,
  inputsPerSubject: 1_000_000,
  open: async () => ({
    make(random) {
      const bytes = random.below(2) === 0 ? encoder.encode(random.pick(TEXTS)) : randomBytes(random, random.below(30));
      return mutate(random, random.below(2) === 0 ? encoder.encode(encodeBase64(bytes)) : bytes);
    },
    check(input) {
      const text = decodeUtf8(input);
      if (text !== null) assert.ok(encoder.encode(text).every((byte, at) => byte === input[at]));
      const decoded = decodeBase64(latin(input));
      if (decoded !== null) assert.equal(decodeBase64(encodeBase64(decoded))!.length, decoded.length);
    },
  }),
};
