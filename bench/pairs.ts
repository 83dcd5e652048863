/** The seed's pairs (facts §3): `key` and `value`, each with ten digits, formatted where they are used. */

const DIGITS = 10;
export const KEY_BYTES = 13;
export const VALUE_BYTES = 15;

/** One buffer that is formatted again and again: whoever takes a pair copies it. */
export class PairFormat {
  readonly key: Uint8Array = new TextEncoder().encode("key".padEnd(KEY_BYTES, "0"));
  readonly value: Uint8Array = new TextEncoder().encode("value".padEnd(VALUE_BYTES, "0"));

  formatKey(number: number): Uint8Array {
    return format(this.key, number);
  }

  formatValue(number: number): Uint8Array {
    return format(this.value, number);
  }
}

function format(bytes: Uint8Array, number: number): Uint8Array {
  let left = number;
  for (let at = bytes.length - 1; at >= bytes.length - DIGITS; at--) {
    const next = Math.floor(left / 10);
    bytes[at] = 48 + left - next * 10;
    left = next;
  }
  return bytes;
}

/** The numbers below `count` in an order that jumps: each once. */
export function shuffledNumbers(count: number): Int32Array {
  const numbers = Int32Array.from({ length: count }, (_, at) => at);
  let state = 1;
  for (let at = count - 1; at > 0; at--) {
    state = Math.imul(state, 1_664_525) + 1_013_904_223 | 0;
    const other = (state >>> 0) % (at + 1);
    const number = numbers[at]!;
    numbers[at] = numbers[other]!;
    numbers[other] = number;
  }
  return numbers;
}
