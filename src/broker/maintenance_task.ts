/** What runs beside a broker's callers, again and again. */
export interface MaintenanceTask {
  start(): void;
  /** Begins nothing more. Idempotent. */
  stop(): void;
  /** Resolves when what was under way is over; asked when every log is closed. */
  readonly ended: Promise<void>;
}
