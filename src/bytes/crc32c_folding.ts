/**
 * CRC-32C of long inputs by sparse multiples of its polynomial, in WebAssembly's vector instructions: 17 GB/s where the
 * tables of crc32c.ts reach 2.2 to 2.6 (107 KB on Bun and on Deno; log-read and native produce spent most of their time
 * there). The way is Russell's "Chorba" (arXiv 2412.16398), with multiples of this polynomial.
 *
 * A checksum is the remainder of the message, taken as a polynomial, by P. Adding a multiple of P changes nothing, so
 * with a multiple x^n + x^a + x^b + 1 the message's first bit is removed by adding it to the bits n − b, n − a and n
 * places behind it. Since P(x)^8 = P(x^8) over GF(2), the same holds for whole *bytes* and distances in bytes. Done from
 * front to back, `s[i] ^= s[i − d1] ^ s[i − d2] ^ s[i − n]` for each byte, which vectors do for 16 at once, leaves a
 * message of n bytes with the same remainder: the last n bytes, without what they added to each other, which the same
 * step from back to front takes away again. No tables, no multiplication, one pass.
 *
 * The first multiple has the fewest terms, the second the fewest bytes left; the tables do the rest.
 */
import {
  encodeWasmModule,
  getLocal,
  i32Add,
  i32Const,
  i32LessUnsigned,
  loadVector,
  repeatWhile,
  setLocal,
  storeVector,
  type WasmFunction,
  xorVectors,
} from "./wasm_module.ts";

/**
 * Distances in bytes, ascending, the last one n: the smallest multiples with 4 and with 6 terms (with fewer there are
 * none of use: P has a factor x + 1, and x^n + 1 begins at n = 2^31 − 1). None is below a vector's 16 bytes.
 */
export const FOLDING_DISTANCES = { long: [767, 2524, 5275], short: [65, 155, 170, 195, 209] } as const;

const LONG_BYTES = FOLDING_DISTANCES.long[2];
const SHORT_BYTES = FOLDING_DISTANCES.short[4];
const VECTOR_BYTES = 16;
/** What one turn of the loops takes; all of their ranges are multiples of it. */
const STEP_BYTES = 2 * VECTOR_BYTES;
/** Below it the short multiple alone is quicker (measured). */
const LONG_INPUT_BYTES_MIN = 12 * 1024;
/** How much of an input is copied in at once: with what lies before it, it stays in a core's second cache. */
const PIECE_BYTES = 32 * 1024;

/** What the last n bytes and the loop that ends with them reach back over: zeros, in front of the last n bytes. */
const LONG_REACH_BYTES = roundUp(LONG_BYTES) + roundUp(FOLDING_DISTANCES.long[1]);
const SHORT_REACH_BYTES = roundUp(SHORT_BYTES) + roundUp(FOLDING_DISTANCES.short[3]);
/** Memory: zeros or the end of the piece before, as far back as a loop may look; then the piece. */
const PIECE_START = LONG_REACH_BYTES;
const MEMORY_PAGES = 1;

/** Inputs below it are quicker by tables (measured). */
export const FOLDED_BYTES_MIN = 768;

/** The part of WebAssembly's interface that the module answers with. */
interface Folding {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly foldLong: (start: number, end: number) => void;
  readonly unfoldLong: (start: number, end: number) => void;
  readonly foldShort: (start: number, end: number) => void;
  readonly unfoldShort: (start: number, end: number) => void;
}

/**
 * Folds an input of at least `FOLDED_BYTES_MIN` bytes: `fold(bytes, start, end, state)` gives some 200 bytes whose
 * checksum register, begun with zero, ends as that of `bytes[start, end)` does which is begun with `state`. They are good
 * until the next call.
 */
export type Fold = (bytes: Uint8Array, start: number, end: number, state: number) => Uint8Array;

/** Null where there is no WebAssembly, or none that may be made from bytes (some edge hosts). */
export function makeFold(): Fold | null {
  if (typeof WebAssembly === "undefined") return null;
  let folding: Folding;
  try {
    const module = new WebAssembly.Module(encodeFoldingModule());
    folding = new WebAssembly.Instance(module).exports as unknown as Folding;
  } catch {
    return null;
  }
  const memory = new Uint8Array(folding.memory.buffer);
  return (bytes, start, end, state) => foldInput(folding, memory, bytes.subarray(start, end), state);
}

function foldInput(folding: Folding, memory: Uint8Array, input: Uint8Array, state: number): Uint8Array {
  const isLong = input.length >= LONG_INPUT_BYTES_MIN;
  // The first piece has what makes the others whole ones; zeros in front of it change no remainder.
  let taken = isLong ? STEP_BYTES + (input.length - STEP_BYTES) % PIECE_BYTES : input.length;
  let end = PIECE_START + roundUp(taken);
  const start = end - taken;
  memory.fill(0, isLong ? 0 : PIECE_START - SHORT_REACH_BYTES, start);
  memory.set(input.subarray(0, taken), start);
  for (let byte = 0; byte < 4; byte++) memory[start + byte]! ^= state >>> (8 * byte);
  if (isLong) {
    folding.foldLong(PIECE_START, end);
    for (; taken < input.length; taken += PIECE_BYTES) {
      memory.copyWithin(PIECE_START - roundUp(LONG_BYTES), end - roundUp(LONG_BYTES), end);
      memory.set(input.subarray(taken, taken + PIECE_BYTES), PIECE_START);
      end = PIECE_START + PIECE_BYTES;
      folding.foldLong(PIECE_START, end);
    }
    // All before the last n bytes is gone into them.
    memory.fill(0, end - LONG_REACH_BYTES, end - LONG_BYTES);
    folding.unfoldLong(end - roundUp(LONG_BYTES), end);
  }
  folding.foldShort(isLong ? end - roundUp(LONG_BYTES) : PIECE_START, end);
  memory.fill(0, end - SHORT_REACH_BYTES, end - SHORT_BYTES);
  folding.unfoldShort(end - roundUp(SHORT_BYTES), end);
  return memory.subarray(end - SHORT_BYTES, end);
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / STEP_BYTES) * STEP_BYTES;
}

// -- The module -------------------------------------------------------------------------------------------------------

function encodeFoldingModule(): Uint8Array<ArrayBuffer> {
  const { long, short } = FOLDING_DISTANCES;
  return encodeWasmModule(MEMORY_PAGES, [
    foldLoop("foldLong", long),
    unfoldLoop("unfoldLong", long),
    foldLoop("foldShort", short),
    unfoldLoop("unfoldShort", short),
  ]);
}

const FIRST = 0;
const END = 1;

/**
 * `(start, end)`, front to back: each vector takes on those at all the distances before it. The locals run n bytes behind
 * the place of work, since an instruction's own offset cannot be negative.
 */
function foldLoop(name: string, distances: readonly number[]): WasmFunction {
  const n = distances.at(-1)!;
  const step = [
    ...takeOn(FIRST, distances, n),
    ...takeOn(FIRST, distances, n + VECTOR_BYTES),
    ...move(FIRST, STEP_BYTES),
  ];
  return { name, code: [...move(FIRST, -n), ...move(END, -n), ...repeatWhile(step, isBefore(FIRST, END))] };
}

/** `(start, end)`, back to front, and without the distance n: from those at it, nothing is left in the last n bytes. */
function unfoldLoop(name: string, distances: readonly number[]): WasmFunction {
  const n = distances.at(-1)!;
  const nearer = distances.slice(0, -1);
  const step = [...move(END, -STEP_BYTES), ...takeOn(END, nearer, n + VECTOR_BYTES), ...takeOn(END, nearer, n)];
  return { name, code: [...move(FIRST, -n), ...move(END, -n), ...repeatWhile(step, isBefore(FIRST, END))] };
}

/** XORs into the vector at `place` bytes after a local those that lie `distances` before it. */
function takeOn(local: number, distances: readonly number[], place: number): number[] {
  const others = distances.flatMap((distance) => [...getLocal(local), ...loadVector(place - distance), ...xorVectors]);
  return [...getLocal(local), ...getLocal(local), ...loadVector(place), ...others, ...storeVector(place)];
}

function move(local: number, bytes: number): number[] {
  return [...getLocal(local), ...i32Const(bytes), ...i32Add, ...setLocal(local)];
}

function isBefore(local: number, other: number): number[] {
  return [...getLocal(local), ...getLocal(other), ...i32LessUnsigned];
}
