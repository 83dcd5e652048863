/** Chance from a seed, the same on every runtime: sfc32, with 32-bit integers only. For property tests and fuzzing. */
export class SeededRandom {
  #a = 0;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#b = seed | 0;
    this.#c = Math.imul(seed, 0x9e3779b1) | 0;
    for (let round = 0; round < 12; round++) this.uint32();
  }

  /** An integer in [0, 2^32). */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum | 0;
    return sum >>> 0;
  }

  /** An integer in [0, count). */
  below(count: number): number {
    return this.uint32() % count;
  }

  /** One of the choices. */
  pick<Choice>(choices: readonly Choice[]): Choice {
    return choices[this.below(choices.length)]!;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }

  /** A copy with one to four bytes changed, cut off, put in or repeated: input for a parser that must not fall over. */
  mutate(bytes: Uint8Array): Uint8Array {
    let mutated = [...bytes];
    for (let change = this.below(4); change >= 0; change--) {
      const at = this.below(mutated.length + 1);
      switch (this.below(5)) {
        case 0:
          mutated[at] = this.below(256);
          break;
        case 1:
          mutated[at] = this.pick([0, 1, 0x7f, 0x80, 0xff]);
          break;
        case 2:
          mutated = mutated.slice(0, at);
          break;
        case 3:
          mutated.splice(at, 0, this.below(256));
          break;
        default:
          mutated.splice(at, 0, ...mutated.slice(at, at + this.below(16)));
      }
    }
    return Uint8Array.from(mutated);
  }
}
