/** Chance. Production takes it from the operating system, the simulation from its seed. */
export interface Random {
  /** Fills `into` with random bytes, good enough for ids and tokens. */
  fill(into: Uint8Array): void;
  /** An integer in [0, 2^32). */
  uint32(): number;
}
