/** A terminal whose streams are the test's. */
import type { Cancel } from "../../src/platform/clock.ts";
import type { Terminal } from "../../src/platform/terminal.ts";

export interface FakeTerminalOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: AsyncIterable<Uint8Array> | readonly (string | Uint8Array)[];
  readonly stderrIsTerminal?: boolean;
}

export class FakeTerminal implements Terminal {
  readonly args: readonly string[];
  readonly environment: ReadonlyMap<string, string>;
  readonly processId = 4711;
  readonly stdinIsTerminal = false;
  readonly stdoutIsTerminal = false;
  readonly stderrIsTerminal: boolean;
  readonly #stdin: AsyncIterable<Uint8Array>;
  readonly #out: Uint8Array[] = [];
  readonly #errors: Uint8Array[] = [];
  readonly #stops: Set<(signal: "SIGINT" | "SIGTERM") => void> = new Set();
  readonly #watchers: Set<() => void> = new Set();
  /** The reader of standard output has gone. */
  isReaderGone = false;
  exitedNow: number | null = null;

  constructor(args: readonly string[], options: FakeTerminalOptions = {}) {
    this.args = args;
    this.environment = new Map(Object.entries(options.environment ?? {}));
    this.stderrIsTerminal = options.stderrIsTerminal ?? false;
    const stdin = options.stdin ?? [];
    this.#stdin = Array.isArray(stdin) ? chunksOf(stdin) : stdin as AsyncIterable<Uint8Array>;
  }

  /** What was printed, as text. */
  get out(): string {
    return new TextDecoder().decode(this.outBytes);
  }

  get outBytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#out.flatMap((bytes) => [...bytes]));
  }

  get errors(): string {
    return this.#errors.map((bytes) => new TextDecoder().decode(bytes)).join("");
  }

  stdin(): AsyncIterable<Uint8Array> {
    return this.#stdin;
  }

  writeOut(bytes: Uint8Array): Promise<boolean> {
    if (this.isReaderGone) return Promise.resolve(false);
    this.#out.push(bytes.slice());
    for (const watcher of [...this.#watchers]) watcher();
    return Promise.resolve(true);
  }

  writeError(bytes: Uint8Array): Promise<boolean> {
    this.#errors.push(bytes.slice());
    return Promise.resolve(true);
  }

  onStop(run: (signal: "SIGINT" | "SIGTERM") => void): Cancel {
    this.#stops.add(run);
    return () => void this.#stops.delete(run);
  }

  exitNow(code: number): never {
    this.exitedNow = code;
    return undefined as never;
  }

  /** The user presses Ctrl-C. */
  interrupt(): void {
    for (const stop of [...this.#stops]) stop("SIGINT");
  }

  /** Done when the output has `text`. */
  async untilOut(text: string): Promise<void> {
    while (!this.out.includes(text)) {
      await new Promise<void>((resolve) => {
        const watcher = () => {
          this.#watchers.delete(watcher);
          resolve();
        };
        this.#watchers.add(watcher);
      });
    }
  }
}

async function* chunksOf(chunks: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk;
}
