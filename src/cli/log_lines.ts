import type { Clock } from "../platform/clock.ts";
import type { Terminal } from "../platform/terminal.ts";
import { isoTime } from "./iso_time.ts";

export type LogLevel = "info" | "warn" | "error";
export type Log = (level: LogLevel, message: string) => void;

/**
 * The server's log on standard error, a line an event. Lines are written one after another; a reader who does not keep up
 * loses the newest ones, and is told how many: a log must not hold up the broker or fill its memory. Nor may it end the
 * broker: lines that cannot be written (the log's disk is full) are lost and counted, too.
 */
export function openLog(terminal: Terminal, clock: Clock, format: "text" | "json"): Log {
  const encoder = new TextEncoder();
  let waiting: string[] = [];
  let lost = 0;
  let isWriting = false;
  const write = async (): Promise<void> => {
    isWriting = true;
    while (waiting.length > 0) {
      const lines = waiting;
      const told = lost;
      waiting = [];
      const note = told === 0 ? "" : formatLine(format, clock.nowMs(), "warn", `${told} lines of the log were lost`);
      try {
        await terminal.writeError(encoder.encode(lines.join("") + note));
        lost -= told;
      } catch {
        lost += lines.length;
      }
    }
    isWriting = false;
  };
  return (level, message) => {
    if (waiting.length >= WAITING_LINES_MAX) {
      lost += 1;
      return;
    }
    waiting.push(formatLine(format, clock.nowMs(), level, message));
    if (!isWriting) void write();
  };
}

const WAITING_LINES_MAX = 1_000;

function formatLine(format: "text" | "json", nowMs: number, level: LogLevel, message: string): string {
  const time = isoTime(nowMs);
  if (format === "json") return `${JSON.stringify({ time, level, message })}\n`;
  // One event stays one line, whatever a peer's name or a file's path brings.
  return `${time} [${level.toUpperCase()}] ${message.replace(/[\r\n]+/g, " ")}\n`;
}
