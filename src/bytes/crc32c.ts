/**
 * CRC-32C (Castagnoli, RFC 3720 B.4), the checksum of record batches. Short inputs go through tables, see
 * slicing_crc.ts; long ones are folded to a short one first, see crc32c_folding.ts.
 */
import { type Fold, FOLDED_BYTES_MIN, makeFold } from "./crc32c_folding.ts";
import { buildCrcTables, slicingCrc } from "./slicing_crc.ts";

const TABLES = buildCrcTables(0x82f63b78);
/** As a seed: the register is zero, since what came before is folded into the bytes. */
const ZERO_REGISTER = ~0;
/** Made when the first long input comes: a start has none. */
let fold: Fold | null | undefined;

/**
 * The checksum of `bytes[start, end)`, as an unsigned 32-bit number. `seed` is the checksum of the bytes before them: a
 * checksum can be continued from one piece to the next. `crc32c("123456789")` is 0xE3069283.
 */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length, seed = 0): number {
  if (end - start >= FOLDED_BYTES_MIN) {
    if (fold === undefined) fold = makeFold();
    if (fold !== null) {
      const rest = fold(bytes, start, end, ~seed);
      return slicingCrc(TABLES, rest, 0, rest.length, ZERO_REGISTER);
    }
  }
  return crc32cByTables(bytes, start, end, seed);
}

/** The same without folding: for short inputs, for hosts without WebAssembly, and to hold the other against. */
export function crc32cByTables(bytes: Uint8Array, start = 0, end: number = bytes.length, seed = 0): number {
  return slicingCrc(TABLES, bytes, start, end, seed);
}
