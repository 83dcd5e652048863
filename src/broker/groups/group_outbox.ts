import { assert } from "../../base/assert.ts";
import type { ErrorCode } from "../../base/errors.ts";
import type { GroupAnswer, GroupEffect, GroupRecord, Moment, Ticket, WriteId } from "./group_types.ts";

/** What becomes of an append: null when it is durable, or why it is not. */
export type WriteOutcome = (failure: ErrorCode | null, now: Moment) => void;

/** What a group wants done and has not handed over yet, and what it does when an append has come back. */
export class GroupOutbox {
  #effects: GroupEffect[] = [];
  readonly #writes = new Map<WriteId, WriteOutcome>();
  #nextWrite: WriteId = 1;

  /** Appends that have not come back. */
  get writesInFlight(): number {
    return this.#writes.size;
  }

  reply(ticket: Ticket, answer: GroupAnswer): void {
    this.#effects.push({ kind: "reply", ticket, answer });
  }

  append(records: readonly GroupRecord[], then: WriteOutcome): void {
    const write = this.#nextWrite++;
    this.#writes.set(write, then);
    this.#effects.push({ kind: "append", write, records });
  }

  appended(write: WriteId, failure: ErrorCode | null, now: Moment): void {
    const then = this.#writes.get(write);
    assert(then !== undefined, () => `Write ${write} of a group has come back twice or was never asked for`);
    this.#writes.delete(write);
    then(failure, now);
  }

  /** Hands over what is to be done, once. */
  take(): readonly GroupEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
