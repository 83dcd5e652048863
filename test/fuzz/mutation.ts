/** Changes to bytes that have a form: quicker than `SeededRandom.mutate`, and with the numbers that formats trip over. */
import type { SeededRandom } from "../seeded_random.ts";

const BYTES = [0, 1, 0x7f, 0x80, 0xff, 0x20, 0x22, 0x5c, 0x0a] as const;
const INT32S = [0, 1, -1, 0x7fff_ffff, -0x8000_0000, 0x100, 0x10_0000, 0x0640_0000, 0x0640_0001] as const;
const INSERTED_BYTES_MAX = 24;

/** A copy with one to four changes; one is most likely, since more seldom get past the first check. */
export function mutate(random: SeededRandom, bytes: Uint8Array): Uint8Array {
  let changed = change(random, bytes);
  while (random.below(3) === 0) changed = change(random, changed);
  return changed;
}

function change(random: SeededRandom, bytes: Uint8Array): Uint8Array {
  const at = random.below(bytes.length + 1);
  switch (random.below(9)) {
    case 0:
      return overwritten(bytes, at, (copy) => copy[at] = random.below(256));
    case 1:
      return overwritten(bytes, at, (copy) => copy[at] = random.pick(BYTES));
    case 2:
      return overwritten(bytes, at, (copy) => copy[at]! ^= 1 << random.below(8));
    case 3:
      return bytes.slice(0, at);
    case 4:
      return spliced(bytes, at, Math.min(bytes.length - at, 1 + random.below(8)), new Uint8Array(0));
    case 5:
      return spliced(bytes, at, 0, randomBytes(random, 1 + random.below(INSERTED_BYTES_MAX)));
    case 6:
      return spliced(bytes, at, 0, bytes.slice(at, at + 1 + random.below(INSERTED_BYTES_MAX)));
    case 7: {
      // A count or a length that is wrong by one, or as wrong as can be.
      if (bytes.length < 4) return bytes.slice();
      const place = random.below(bytes.length - 3);
      const copy = bytes.slice();
      const view = new DataView(copy.buffer);
      const before = view.getInt32(place);
      view.setInt32(place, random.below(2) === 0 ? random.pick(INT32S) : before + random.pick([1, -1, 2, -2]));
      return copy;
    }
    default: {
      // Another part of the same bytes in this place: what belongs together does not any more.
      const from = random.below(bytes.length + 1);
      const part = bytes.slice(from, from + 1 + random.below(INSERTED_BYTES_MAX));
      return spliced(bytes, at, Math.min(part.length, bytes.length - at), part);
    }
  }
}

export function randomBytes(random: SeededRandom, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = random.below(256);
  return bytes;
}

function overwritten(bytes: Uint8Array, at: number, write: (copy: Uint8Array) => void): Uint8Array {
  const copy = bytes.slice();
  if (at < copy.length) write(copy);
  return copy;
}

function spliced(bytes: Uint8Array, at: number, removed: number, inserted: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length - removed + inserted.length);
  result.set(bytes.subarray(0, at));
  result.set(inserted, at);
  result.set(bytes.subarray(at + removed), at + inserted.length);
  return result;
}
