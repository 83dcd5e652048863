/** CBOR: whatever is taken can be written again and is the same. */
import assert from "node:assert/strict";
import { decodeCbor, isCborFault } from "../../../src/cbor/decode_cbor.ts";
import { encodeCbor } from "../../../src/cbor/encode_cbor.ts";
import type { FuzzTarget } from "../fuzz_target.ts";
import { anyValue } from "../grammar.ts";
import { mutate, randomBytes } from "../mutation.ts";

const DEPTH_MAX = 64;

export const cbor: FuzzTarget = {
  name: "cbor",
  weight: 200,
  inputsPerSubject: 1_000_000,
  open: async () => ({
    make(random) {
      if (random.below(10) === 0) return randomBytes(random, random.below(40));
      const bytes = encodeCbor(anyValue(random));
      return random.below(8) === 0 ? bytes : mutate(random, bytes);
    },
    check(input) {
      const decoded = decodeCbor(input, { depthMax: DEPTH_MAX, itemsMax: 10_000 });
      if (isCborFault(decoded)) return;
      const written = encodeCbor(decoded.value);
      const again = decodeCbor(written, { depthMax: DEPTH_MAX });
      assert.ok(!isCborFault(again), "What was written cannot be read");
      const rewritten = encodeCbor(again.value);
      assert.ok(written.length === rewritten.length && written.every((byte, at) => byte === rewritten[at]));
    },
  }),
};
