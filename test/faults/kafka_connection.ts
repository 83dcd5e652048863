/** A connection that speaks Kafka's frames: several requests under way, responses by correlation id. */
import { concatBytes } from "../../src/bytes/concat.ts";
import type { Connection } from "../../src/platform/network.ts";
import type { KafkaApi } from "../../src/protocols/kafka/wire/api.ts";
import type { AnySchema, MessageInput, MessageValue } from "../../src/schema/message_schema.ts";
import { currentPlatform } from "../adapters/current.ts";
import { addressOf } from "../processes/broker_process.ts";
import { readResponse } from "../protocols/kafka/kafka_fixture.ts";
import { requestFrame } from "../protocols/kafka/request_frame.ts";

export class KafkaConnection {
  readonly #connection: Connection;
  readonly #pending = new Map<number, { resolve: (frame: Uint8Array) => void; reject: (reason: unknown) => void }>();
  #correlationId = 0;
  #writing: Promise<void> = Promise.resolve();
  #failure: Error | null = null;

  private constructor(connection: Connection) {
    this.#connection = connection;
    void this.#readResponses();
  }

  /** `address`: `host:port`. */
  static async open(address: string): Promise<KafkaConnection> {
    return new KafkaConnection(await currentPlatform().network.connect(addressOf(address)));
  }

  /** The response; fails when the connection ends before it. Requests leave in the order of the calls. */
  async call<Q extends AnySchema, A extends AnySchema>(
    api: KafkaApi<Q, A>,
    version: number,
    value: MessageInput<Q>,
  ): Promise<MessageValue<A>> {
    if (this.#failure !== null) throw this.#failure;
    const correlationId = ++this.#correlationId;
    const frame = requestFrame(api, version, value, { correlationId });
    const response = new Promise<Uint8Array>((resolve, reject) =>
      this.#pending.set(correlationId, { resolve, reject })
    );
    this.#writing = this.#writing.then(() => this.#connection.write([frame])).catch((thrown) => this.#fail(thrown));
    return readResponse(api, version, await response);
  }

  close(): void {
    this.#fail(new Error("The connection was closed"));
  }

  async #readResponses(): Promise<void> {
    let left = new Uint8Array(0);
    try {
      while (true) {
        const bytes = await this.#connection.read();
        if (bytes === null) throw new Error("The broker closed the connection");
        left = concatBytes([left, bytes]) as Uint8Array<ArrayBuffer>;
        while (left.length >= 4) {
          const view = new DataView(left.buffer, left.byteOffset);
          const end = 4 + view.getInt32(0);
          if (left.length < end) break;
          const correlationId = view.getInt32(4);
          this.#pending.get(correlationId)?.resolve(left.slice(0, end));
          this.#pending.delete(correlationId);
          left = left.slice(end);
        }
      }
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #fail(thrown: unknown): void {
    this.#failure ??= thrown instanceof Error ? thrown : new Error(String(thrown));
    this.#connection.close({ abort: true });
    for (const { reject } of this.#pending.values()) reject(this.#failure);
    this.#pending.clear();
  }
}
