/**
 * Virtual time. Everything that happens in a simulated world is an event in one heap, ordered by time and then by the
 * order of asking. One event runs in one macrotask: all promises that it settles have had their say before the next one
 * runs, in the same order on every runtime (reliability §4.3).
 */
import type { Cancel } from "../../src/platform/clock.ts";
import { Trace } from "./trace.ts";

/** Resolves in a later macrotask, when no microtask is left. The driver brings its runtime's own. */
export type Macrotask = () => Promise<void>;

interface ScheduledEvent {
  readonly timeUs: number;
  readonly sequence: number;
  readonly kind: string;
  readonly payload: number;
  /** Null: cancelled. */
  run: (() => void) | null;
}

const isBefore = (a: ScheduledEvent, b: ScheduledEvent): boolean =>
  a.timeUs < b.timeUs || (a.timeUs === b.timeUs && a.sequence < b.sequence);

export class Scheduler {
  readonly trace = new Trace();
  /** Called when an event is added; a live world wakes up by it. */
  onScheduled: (() => void) | null = null;
  readonly #heap: ScheduledEvent[] = [];
  #nowUs = 0;
  #sequence = 0;

  get nowUs(): number {
    return this.#nowUs;
  }

  /** Runs `run` in `delayUs` of virtual time. `payload` goes into the trace. */
  after(delayUs: number, kind: string, run: () => void, payload = 0): Cancel {
    const event: ScheduledEvent = { timeUs: this.#nowUs + delayUs, sequence: this.#sequence++, kind, payload, run };
    this.#push(event);
    this.onScheduled?.();
    return () => event.run = null;
  }

  /** Runs the next event; false when there is none. Its promises have their say in the macrotask's end. */
  step(): boolean {
    while (true) {
      const event = this.#pop();
      if (event === undefined) return false;
      if (event.run === null) continue;
      this.#nowUs = event.timeUs;
      this.trace.note(event.timeUs, event.kind, event.payload);
      event.run();
      return true;
    }
  }

  /** Runs events until `isOver` or none is left; true when it was `isOver`. */
  async run(macrotask: Macrotask, isOver: () => boolean): Promise<boolean> {
    while (!isOver()) {
      if (!this.step()) return isOver();
      await macrotask();
    }
    return true;
  }

  #push(event: ScheduledEvent): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): ScheduledEvent | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return top;
    let at = 0;
    while (true) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (isBefore(last, heap[child]!)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

/** Lets a world run by itself for as long as it has events: for tests that wait in real time. */
export function runLive(scheduler: Scheduler, macrotask: Macrotask): void {
  let isRunning = false;
  const loop = async (): Promise<void> => {
    await macrotask();
    while (scheduler.step()) await macrotask();
    isRunning = false;
  };
  scheduler.onScheduled = () => {
    if (isRunning) return;
    isRunning = true;
    void loop();
  };
}
