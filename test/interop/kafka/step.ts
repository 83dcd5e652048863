/** One request that is sent to Kafka and to us. */
import type { Message } from "./message_definitions.ts";

/** What a request is made of: where it goes, and what earlier answers of the same broker said. */
export interface StepContext {
  readonly version: number;
  /** What an earlier step kept. Fails when it kept nothing. */
  recall(name: string): string;
}

export interface Step {
  /** Says what is tried; unique in all scripts, and how the table of differences names it. */
  readonly name: string;
  /** Key of the API. */
  readonly api: number;
  /** Default: all that both serve. */
  readonly versions?: (version: number) => boolean;
  /** The message, or its bytes. */
  readonly request: Message | Uint8Array | ((context: StepContext) => Message | Uint8Array);
  /** What later steps need of the answer, by a name of the step's choice. */
  readonly keep?: (answer: Message, version: number) => Readonly<Record<string, string>>;
  /**
   * The request changes nothing, and is sent to Kafka again while the answers differ, for a while: its broker learns of
   * a change a little after the controller has acknowledged it.
   */
  readonly isRead?: boolean;
  /** The request changes nothing, and is sent to each broker again until its answer is this: what was begun is done. */
  readonly isSettled?: (answer: Message) => boolean;
}

/** Steps that build on each other, run in their order. */
export interface Script {
  readonly name: string;
  readonly steps: readonly Step[];
}

export const NO_ID = "AAAAAAAAAAAAAAAAAAAAAA";
