import type { PartitionId } from "../base/ids.ts";
import type { StoredRecord } from "../records/record.ts";
import type { CommandContext } from "./command.ts";
import { Progress } from "./progress.ts";
import { type RecordForm, writeRecord } from "./record_lines.ts";

const RULE = "-".repeat(60);

/** What `consume` prints: heading, records, footer, and how many are still wanted. */
export class ConsumedRecords {
  readonly #context: CommandContext;
  readonly #form: RecordForm;
  readonly #messagesMax: number;
  readonly #progress: Progress;
  #consumed = 0;

  constructor(context: CommandContext, options: { readonly form: RecordForm; readonly messagesMax: number }) {
    this.#context = context;
    this.#form = options.form;
    this.#messagesMax = options.messagesMax;
    this.#progress = new Progress(context.terminal, context.platform.clock, "records");
  }

  /** How many records are still wanted; none when nobody reads them any more. */
  get wanted(): number {
    return this.#context.output.isReaderGone ? 0 : this.#messagesMax - this.#consumed;
  }

  heading(line: string): void {
    if (this.#form !== "lines") return;
    this.#context.output.line(line);
    this.#context.output.line(RULE);
  }

  /** Prints those of `records` that are wanted, and says how many these were. */
  async print(records: readonly StoredRecord[], partition: PartitionId, isUrgent: boolean): Promise<number> {
    const { output, terminal } = this.#context;
    let printed = 0;
    while (printed < records.length && this.wanted > 0) {
      writeRecord(output, this.#form, records[printed]!, partition);
      printed += 1;
      this.#consumed += 1;
    }
    if (isUrgent || output.isFull) await output.flush();
    if (!terminal.stdoutIsTerminal) this.#progress.show(this.#consumed);
    return printed;
  }

  endProgress(): Promise<void> {
    return this.#progress.end();
  }

  async footer(): Promise<void> {
    await this.#progress.end();
    if (this.#form === "lines") {
      this.#context.output.line(RULE);
      this.#context.output.line(`Consumed ${this.#consumed} message(s)`);
    }
    await this.#context.output.flush();
  }
}
