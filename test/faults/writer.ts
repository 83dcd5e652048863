/** One producer that goes on after a refusal, and notes what it was told. */
import { type ErrorCode, SentinelError } from "../../src/base/errors.ts";
import type { NativeClient } from "../../src/client/native_client.ts";
import type { BrokerProcess } from "../processes/broker_process.ts";
import type { Ledger } from "../processes/ledger.ts";

const encoder = new TextEncoder();
let writersMade = 0;

export class Writer {
  readonly #client: NativeClient;
  readonly #ledger: Ledger;
  readonly #name: string;
  #sentCount = 0;

  private constructor(client: NativeClient, ledger: Ledger) {
    writersMade += 1;
    this.#client = client;
    this.#ledger = ledger;
    this.#name = `w${writersMade}`;
  }

  static async open(broker: BrokerProcess, ledger: Ledger): Promise<Writer> {
    return new Writer(await broker.connect(), ledger);
  }

  /**
   * Produces `count` records of so many characters. The code of the refusal, or null: acknowledged. `mayBeStored`: a
   * refusal does not say that the records are not there (a sync that failed leaves that open).
   */
  async send(
    topic: string,
    partition: number,
    { count = 1, chars = 100, mayBeStored = false }: {
      readonly count?: number;
      readonly chars?: number;
      readonly mayBeStored?: boolean;
    } = {},
  ): Promise<ErrorCode | null> {
    const values = Array.from({ length: count }, () => {
      this.#sentCount += 1;
      return `${this.#name}.${this.#sentCount}:`.padEnd(chars, "x");
    });
    this.#ledger.sending(values);
    const records = values.map((value) => ({ key: null, value: encoder.encode(value), headers: [] }));
    try {
      const { acks } = await this.#client.produce({ topic, partition }, records);
      values.forEach((value, index) => this.#ledger.acknowledged(topic, partition, acks[0]!.first + index, value));
      return null;
    } catch (thrown) {
      if (!(thrown instanceof SentinelError)) throw thrown;
      if (!mayBeStored) this.#ledger.refused(values);
      return thrown.code;
    }
  }

  close(): void {
    this.#client.close();
  }
}
