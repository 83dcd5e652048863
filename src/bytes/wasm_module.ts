/**
 * Just enough of WebAssembly's binary format (WebAssembly 2.0, chapter 5) to write a few loops over vectors of 16 bytes
 * down as instructions, in the source, instead of keeping a compiled file in the tree that nobody can read.
 *
 * A code is a list of bytes; an instruction is a function that gives its bytes; what belongs together is spread.
 */
type Code = readonly number[];

/** A function of two i32 that answers nothing: the only shape there is here. Its parameters are locals 0 and 1. */
export interface WasmFunction {
  readonly name: string;
  readonly code: Code;
}

/** A module that exports `functions` by their names and, as `memory`, a memory of `pages` of 64 KiB that never grows. */
export function encodeWasmModule(pages: number, functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  const twoNumbersToNothing = [0x60, ...list([[I32], [I32]]), ...list([])];
  return Uint8Array.of(
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, list([twoNumbersToNothing])),
    ...section(3, list(functions.map(() => [0]))),
    ...section(5, list([[0x01, ...unsigned(pages), ...unsigned(pages)]])),
    ...section(7, list([[...name("memory"), 0x02, 0], ...functions.map((each, at) => [...name(each.name), 0x00, at])])),
    ...section(10, list(functions.map(({ code }) => sized([...list([]), ...code, END])))),
  );
}

export const getLocal = (local: number): Code => [0x20, local];
export const setLocal = (local: number): Code => [0x21, local];
export const i32Const = (value: number): Code => [0x41, ...signed(value)];
export const i32Add: Code = [0x6a];
export const i32LessUnsigned: Code = [0x49];
/** The 16 bytes at the address on the stack plus `offset`, at any alignment. */
export const loadVector = (offset: number): Code => [0xfd, 0x00, 0x00, ...unsigned(offset)];
/** Under the vector on the stack lies the address. */
export const storeVector = (offset: number): Code => [0xfd, 0x0b, 0x00, ...unsigned(offset)];
export const xorVectors: Code = [0xfd, 0x51];
/** Runs `code` again and again while `condition`, which is looked at afterwards, is not 0. */
export const repeatWhile = (code: Code, condition: Code): Code => [0x03, 0x40, ...code, ...condition, 0x0d, 0x00, END];

const I32 = 0x7f;
const END = 0x0b;

function section(id: number, content: Code): Code {
  return [id, ...sized(content)];
}

function sized(content: Code): Code {
  return [...unsigned(content.length), ...content];
}

function list(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

/** ASCII only. */
function name(text: string): Code {
  return list(Array.from(text, (letter) => [letter.charCodeAt(0)]));
}

/** LEB128. */
function unsigned(value: number): Code {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}

function signed(value: number): Code {
  const isLast = value >= -64 && value < 64;
  return isLast ? [value & 127] : [(value & 127) | 128, ...signed(value >> 7)];
}
