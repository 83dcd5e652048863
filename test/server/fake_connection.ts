/** A connection whose peer is the test: it sends chunks, sees what was written, and may stop taking bytes. */
import { PlatformError } from "../../src/base/errors.ts";
import { SPOILED } from "../../src/bytes/buffer_pool.ts";
import type { Cancel, Clock } from "../../src/platform/clock.ts";
import type { Connection } from "../../src/platform/network.ts";

export class FakeConnection implements Connection {
  readonly peer = "127.0.0.1:1";
  /** Bytes that were written, in order. */
  readonly written: number[] = [];
  /** Chunks that nobody has read yet. */
  readonly unread: (Uint8Array | null)[] = [];
  closed: "no" | "closed" | "aborted" = "no";
  /** Set: the peer takes nothing more. */
  isStalled = false;
  #wakeReader: (() => void) | null = null;
  #failWrite: (() => void) | null = null;

  /** The peer sends bytes; null ends its side. */
  send(chunk: Uint8Array | null): void {
    this.unread.push(chunk);
    this.#wakeReader?.();
  }

  async read(): Promise<Uint8Array | null> {
    while (this.unread.length === 0) {
      if (this.closed !== "no") return null;
      await new Promise<void>((resolve) => this.#wakeReader = resolve);
    }
    return this.unread.shift()!;
  }

  recycle(chunk: Uint8Array): void {
    chunk.fill(SPOILED);
  }

  async write(slices: readonly Uint8Array[]): Promise<void> {
    if (this.isStalled) {
      await new Promise<void>((_, reject) => {
        this.#failWrite = () => reject(new PlatformError("closed", "write to", this.peer));
      });
    }
    for (const slice of slices) for (const byte of slice) this.written.push(byte);
  }

  close(options: { abort?: boolean } = {}): void {
    if (this.closed === "no") this.closed = options.abort === true ? "aborted" : "closed";
    this.#failWrite?.();
    this.#wakeReader?.();
  }
}

/** Time that goes on when the test says so. */
export class ManualClock implements Clock {
  #nowMs = 1_000_000;
  #calls: { atMs: number; run: () => void }[] = [];

  nowMs(): number {
    return Math.floor(this.#nowMs);
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): Cancel {
    const call = { atMs: this.#nowMs + delayMs, run };
    this.#calls.push(call);
    return () => {
      this.#calls = this.#calls.filter((other) => other !== call);
    };
  }

  /** Lets time pass in at most 20 steps, none below 100 ms; calls run in the order of their times. */
  async pass(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    const stepMs = Math.max(100, durationMs / 20);
    while (this.#nowMs < endMs) {
      this.#nowMs = Math.min(endMs, this.#nowMs + stepMs);
      const due = this.#calls.filter((call) => call.atMs <= this.#nowMs).sort((a, b) => a.atMs - b.atMs);
      this.#calls = this.#calls.filter((call) => !due.includes(call));
      for (const call of due) call.run();
      await turns();
    }
  }
}

/** Lets everything run that waits for nothing but its turn. */
export async function turns(count = 5): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}
