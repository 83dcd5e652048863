/**
 * What happened, as two numbers and a tail. The hash goes over every event's time, kind and payload: two runs of a seed
 * that differ in anything differ in it, on either runtime (reliability §4.7).
 */

export interface TracedEvent {
  readonly timeUs: number;
  readonly kind: string;
  readonly payload: number;
}

/** Events that are kept to be shown after a violation. */
const KEPT_EVENTS = 10_000;

export class Trace {
  #first = 0x811c9dc5;
  #second = 0x9747b28c;
  #count = 0;
  readonly #kept: TracedEvent[] = [];
  readonly #kinds = new Map<string, number>();

  /** Events so far. */
  get count(): number {
    return this.#count;
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    return hex(this.#first) + hex(this.#second);
  }

  /** `payload`: a 32-bit number that stands for the content, most often a checksum. */
  note(timeUs: number, kind: string, payload: number): void {
    this.#mix(timeUs % 0x1_0000_0000);
    this.#mix(Math.floor(timeUs / 0x1_0000_0000));
    this.#mix(this.#kindNumber(kind));
    this.#mix(payload);
    this.#kept[this.#count % KEPT_EVENTS] = { timeUs, kind, payload };
    this.#count += 1;
  }

  /** The newest events, oldest first. */
  last(count: number): TracedEvent[] {
    const events: TracedEvent[] = [];
    for (let at = Math.max(0, this.#count - Math.min(count, KEPT_EVENTS)); at < this.#count; at++) {
      events.push(this.#kept[at % KEPT_EVENTS]!);
    }
    return events;
  }

  #mix(word: number): void {
    this.#first = Math.imul(this.#first ^ word, 0x01000193);
    this.#first ^= this.#first >>> 15;
    this.#second = Math.imul(this.#second + word | 0, 0x85ebca6b);
    this.#second ^= this.#second >>> 13;
  }

  #kindNumber(kind: string): number {
    let number = this.#kinds.get(kind);
    if (number === undefined) {
      number = 7;
      for (let at = 0; at < kind.length; at++) number = Math.imul(number, 31) + kind.charCodeAt(at) | 0;
      this.#kinds.set(kind, number);
    }
    return number;
  }
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
