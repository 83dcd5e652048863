import type { Terminal } from "../platform/terminal.ts";

/** Bytes that are gathered before they are written: large writes, few system calls. */
const GATHERED_BYTES = 256 * 1024;
const LF = 0x0a;

/**
 * Standard output, gathered: lines and bytes pile up in a buffer that `flush` writes. Whoever produces much calls
 * `isFull` and flushes, so that a slow reader of a pipe slows the whole command.
 */
export class Output {
  readonly #terminal: Terminal;
  readonly #encoder: TextEncoder = new TextEncoder();
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(GATHERED_BYTES);
  #filled = 0;
  #isReaderGone = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** The pipe's other side is closed: nothing more is of use. */
  get isReaderGone(): boolean {
    return this.#isReaderGone;
  }

  get isFull(): boolean {
    return this.#filled >= GATHERED_BYTES;
  }

  text(text: string): void {
    this.bytes(this.#encoder.encode(text));
  }

  line(text: string): void {
    this.text(text);
    this.endLine();
  }

  bytes(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length);
    this.#buffer.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  endLine(): void {
    this.#makeRoom(1);
    this.#buffer[this.#filled++] = LF;
  }

  /** Done when the operating system has taken everything. */
  async flush(): Promise<void> {
    if (this.#filled === 0) return;
    const bytes = this.#buffer.subarray(0, this.#filled);
    this.#buffer = new Uint8Array(GATHERED_BYTES);
    this.#filled = 0;
    if (!this.#isReaderGone && !(await this.#terminal.writeOut(bytes))) this.#isReaderGone = true;
  }

  /** Lines that must be seen now, in the order in which they were given. */
  async lineNow(text: string): Promise<void> {
    this.line(text);
    await this.flush();
  }

  async error(line: string): Promise<void> {
    await this.flush();
    await this.#terminal.writeError(this.#encoder.encode(`${line}\n`));
  }

  #makeRoom(bytes: number): void {
    const needed = this.#filled + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
    larger.set(this.#buffer.subarray(0, this.#filled));
    this.#buffer = larger;
  }
}
