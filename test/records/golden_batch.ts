import { crc32c } from "../../src/bytes/crc32c.ts";
import { decodeHex } from "../../src/bytes/hex.ts";

/** The records of `goldenBatchBytes`, as a producer gives them. */
export const GOLDEN_RECORDS = [
  {
    key: Uint8Array.of(0x6b),
    value: Uint8Array.of(0x76, 0x31),
    headers: [{ key: "h", value: Uint8Array.of(1) }, { key: "é", value: null }],
    timestamp: 1_760_000_000_000,
  },
  { key: null, value: null, headers: [], timestamp: 1_759_999_999_999 },
  { key: new Uint8Array(0), value: new Uint8Array(0), headers: [], timestamp: 1_760_000_000_100 },
];

/** A batch written byte by byte from the layout of protocol notes §5.1; only its checksum is computed. */
export function goldenBatchBytes(): Uint8Array {
  const hex = [
    "0000000000000000", // baseOffset 0
    "00000052", // batchLength 82
    "ffffffff", // partitionLeaderEpoch −1
    "02", // magic
    "00000000", // crc, filled in below
    "0000", // attributes
    "00000002", // lastOffsetDelta
    "00000199c82cc000", // baseTimestamp 1,760,000,000,000
    "00000199c82cc064", // maxTimestamp: 100 ms later
    "ffffffffffffffff", // producerId −1
    "ffff", // producerEpoch −1
    "ffffffff", // baseSequence −1
    "00000003", // recordCount
    // length 17, attributes, timestamp +0, offset +0, key "k", value "v1", 2 headers: "h" = 01, "é" = null
    "22" + "00" + "00" + "00" + "02" + "6b" + "04" + "7631" + "04" + "02" + "68" + "02" + "01" + "04" + "c3a9" + "01",
    // length 6, attributes, timestamp −1, offset +1, null key, null value, no headers
    "0c" + "00" + "01" + "02" + "01" + "01" + "00",
    // length 7, attributes, timestamp +100 (two bytes), offset +2, empty key, empty value, no headers
    "0e" + "00" + "c801" + "04" + "00" + "00" + "00",
  ].join("");
  const bytes = decodeHex(hex)!;
  const view = new DataView(bytes.buffer);
  view.setUint32(17, crc32c(bytes, 21));
  return bytes;
}
