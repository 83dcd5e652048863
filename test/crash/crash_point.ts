import type { DiskEffect } from "../../adapters/simulation/disk.ts";
import type { Volume } from "../../adapters/simulation/volume.ts";

/** A moment at which the process may die: after one effect, before the next. */
export interface CrashPoint {
  /** The effect that was the last. */
  readonly effect: DiskEffect;
  /** The disk as that effect left it. */
  readonly volume: Volume;
  /**
   * Events of the ledger before the *next* effect: a process that dies there leaves the same disk, and has told the most
   * to its clients. An acknowledgement before its sync shows only so.
   */
  readonly told: number;
}

/** Keeps a copy of the disk after every effect. */
export class CrashPointRecorder {
  readonly points: CrashPoint[] = [];
  readonly #ledger: { readonly length: number };
  #last: { readonly effect: DiskEffect; readonly volume: Volume } | null = null;
  /** Effects before it is on are part of every image and no crash point. */
  isOn = false;

  /** `ledger`: what clients asked and were told, as it grows. */
  constructor(ledger: { readonly length: number }) {
    this.#ledger = ledger;
  }

  note(effect: DiskEffect, volume: Volume): void {
    this.endPoint();
    if (this.isOn) this.#last = { effect, volume: volume.copy() };
  }

  /** Nothing more comes after the newest effect, or something that is no effect of the process. */
  endPoint(): void {
    if (this.#last !== null) this.points.push({ ...this.#last, told: this.#ledger.length });
    this.#last = null;
  }
}
