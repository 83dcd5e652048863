/**
 * Producer ids, each given once for ever. They come in blocks: a record in the metadata log says up to where ids may have
 * been given, and is durable before the first of them is. A crash loses the rest of a block.
 */
import { SentinelError } from "../base/errors.ts";
import type { ProducerId } from "../base/ids.ts";
import { LIMITS } from "../base/limits.ts";
import type { MetadataLog, MetadataRecord } from "../cluster/metadata_log.ts";

export class ProducerIds {
  readonly #metadata: Pick<MetadataLog, "append">;
  #next = 0;
  /** Ids below it are reserved. */
  #reserved = 0;
  #reserving: Promise<void> | null = null;

  constructor(metadata: Pick<MetadataLog, "append">) {
    this.#metadata = metadata;
  }

  /** Takes over a record of the metadata log; false: it is not one of these. What was reserved before counts as given. */
  apply(record: MetadataRecord): boolean {
    if (record.type !== "producer_ids") return false;
    const { reserved } = record;
    if (typeof reserved !== "number" || !Number.isSafeInteger(reserved) || reserved < this.#reserved) {
      throw new SentinelError("storage_error", `The metadata log reserves producer ids up to ${reserved}`);
    }
    this.#next = this.#reserved = reserved;
    return true;
  }

  /** What a snapshot must say of them. */
  snapshot(): MetadataRecord[] {
    return this.#reserved === 0 ? [] : [{ type: "producer_ids", reserved: this.#reserved }];
  }

  /** An id that nobody had before. Fails as the metadata log does. */
  async next(): Promise<ProducerId> {
    while (this.#next === this.#reserved) await (this.#reserving ??= this.#reserve());
    const producerId = BigInt(this.#next);
    this.#next += 1;
    return producerId;
  }

  async #reserve(): Promise<void> {
    const reserved = this.#reserved + LIMITS.producerIdBlock;
    try {
      await this.#metadata.append([{ type: "producer_ids", reserved }]);
      this.#next = this.#reserved;
      this.#reserved = reserved;
    } finally {
      this.#reserving = null;
    }
  }
}
