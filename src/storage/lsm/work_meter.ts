import type { Clock } from "../../platform/clock.ts";

/** Of the newest measurement in what is known of the speed. */
const NEWEST_PART = 0.3;
/** What took less says nothing of a speed. */
const MEASURED_MS_MIN = 20;

/** How fast one kind of work in the background goes, and how long what is under way will still take. */
export class WorkMeter {
  readonly #clock: Clock;
  /** Null: nothing was measured yet. */
  #bytesPerMs: number | null = null;
  #startMs = 0;
  #totalBytes = 0;
  #doneBytes = 0;
  isRunning = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Work on about so many bytes begins. */
  begin(totalBytes: number): void {
    this.#startMs = this.#clock.monotonicMs();
    this.#totalBytes = totalBytes;
    this.#doneBytes = 0;
    this.isRunning = true;
  }

  note(bytes: number): void {
    this.#doneBytes += bytes;
  }

  end(): void {
    const speed = this.#speedNow();
    if (speed !== null) {
      this.#bytesPerMs = this.#bytesPerMs === null ? speed : (1 - NEWEST_PART) * this.#bytesPerMs + NEWEST_PART * speed;
    }
    this.isRunning = false;
  }

  /** Until what is under way has ended, and `moreBytes` behind it; null: nobody knows. */
  leftMs(moreBytes: number): number | null {
    const bytesPerMs = this.#bytesPerMs ?? this.#speedNow();
    if (bytesPerMs === null) return null;
    const leftBytes = this.isRunning ? Math.max(0, this.#totalBytes - this.#doneBytes) : 0;
    return (leftBytes + moreBytes) / bytesPerMs;
  }

  #speedNow(): number | null {
    const elapsedMs = this.#clock.monotonicMs() - this.#startMs;
    return elapsedMs < MEASURED_MS_MIN || this.#doneBytes === 0 ? null : this.#doneBytes / elapsedMs;
  }
}
