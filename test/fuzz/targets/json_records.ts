/** JSON: the depth check before the parser, records of the record form, and the command line's lines of it. */
import assert from "node:assert/strict";
import { readJsonLine } from "../../../src/cli/json_lines.ts";
import { jsonDepthExceeds } from "../../../src/http/json_depth.ts";
import { LIMITS } from "../../../src/base/limits.ts";
import { isFieldFault, recordFromJson, recordToJson } from "../../../src/records/record_form.ts";
import type { FuzzTarget } from "../fuzz_target.ts";
import { anyValue, hostileJson, nearlyRecord } from "../grammar.ts";
import { mutate } from "../mutation.ts";
import { allowRefusals } from "./documented_errors.ts";

const decoder = new TextDecoder();

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

export const jsonRecords: FuzzTarget = {
  name: "json_records",
  weight: 80,
  inputsPerSubject: 1_000_000,
  open: async () => ({
    make(random) {
      const value = random.below(6) === 0 ? anyValue(random, 4) : nearlyRecord(random, "json");
      const bytes = hostileJson(random, value);
      return random.below(3) === 0 ? mutate(random, bytes) : bytes;
    },
    check(input) {
      try {
        readJsonLine(input, 1);
      } catch (thrown) {
        allowRefusals(thrown, ["invalid_record"]);
      }
      const isDeep = jsonDepthExceeds(input, LIMITS.bodyDepthMax);
      let value: unknown;
      try {
        value = JSON.parse(decoder.decode(input));
      } catch {
        return;
      }
      if (!isDeep) assert.ok(depthOf(value) <= LIMITS.bodyDepthMax, "A depth above the limit was let through");
      const formed = recordFromJson(value, "/records/0");
      if (isFieldFault(formed)) return;
      const { record } = formed;
      // What was taken comes back as it was: read, shown, sent again.
      const stored = { ...record, offset: 0, timestamp: record.timestamp ?? 0 };
      const again = recordFromJson(JSON.parse(JSON.stringify(recordToJson(stored))), "");
      assert.ok(!isFieldFault(again), "What is shown cannot be sent again");
      assert.deepEqual(again.record.value, record.value);
      assert.deepEqual(again.record.key, record.key);
      assert.deepEqual(again.record.headers, record.headers);
    },
  }),
};
