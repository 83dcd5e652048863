import type { Clock } from "../platform/clock.ts";
import type { Terminal } from "../platform/terminal.ts";

const UPDATE_MS = 250;

/** One line on standard error that counts, for people: in a pipe or a log it stays quiet (design §5). */
export class Progress {
  readonly #terminal: Terminal;
  readonly #clock: Clock;
  readonly #what: string;
  readonly #isOn: boolean;
  readonly #startMs: number;
  #shownMs: number;
  #isShown = false;

  constructor(terminal: Terminal, clock: Clock, what: string) {
    this.#terminal = terminal;
    this.#clock = clock;
    this.#what = what;
    this.#isOn = terminal.stderrIsTerminal;
    this.#startMs = clock.monotonicMs();
    this.#shownMs = this.#startMs;
  }

  /** Call it as often as you like. */
  show(count: number): void {
    if (!this.#isOn) return;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#shownMs < UPDATE_MS) return;
    this.#shownMs = nowMs;
    this.#isShown = true;
    const rate = Math.round(count / ((nowMs - this.#startMs) / 1_000));
    void this.#terminal.writeError(new TextEncoder().encode(`\r${count} ${this.#what} (${rate}/s)\x1b[K`));
  }

  /** Takes the line away, so that the command's last words stand alone. */
  async end(): Promise<void> {
    if (this.#isShown) await this.#terminal.writeError(new TextEncoder().encode("\r\x1b[K"));
    this.#isShown = false;
  }
}
