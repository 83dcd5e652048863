import type { Cancel } from "./clock.ts";

/** The process around a command: its arguments, its three streams, its signals. */
export interface Terminal {
  /** Without the program's own name. */
  readonly args: readonly string[];
  /** All variables whose name starts with `SENTINEL_`. */
  readonly environment: ReadonlyMap<string, string>;
  readonly processId: number;
  readonly stdinIsTerminal: boolean;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  /** Chunks of standard input until its end. */
  stdin(): AsyncIterable<Uint8Array>;
  /**
   * Done when the operating system has taken the bytes: a slow reader of a pipe slows the writer. False when the reader
   * is gone (EPIPE).
   */
  writeOut(bytes: Uint8Array): Promise<boolean>;
  writeError(bytes: Uint8Array): Promise<boolean>;
  /** Calls `run` at SIGINT or SIGTERM in place of the runtime's own ending. */
  onStop(run: (signal: "SIGINT" | "SIGTERM") => void): Cancel;
  /** Ends the process at once, for a stop that was asked for twice. */
  exitNow(code: number): never;
}
