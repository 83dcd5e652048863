import { assert } from "../../base/assert.ts";
import type { AdvertisedApi, KafkaHandler } from "./handler.ts";

/** The handlers of a listener by API key, and what ApiVersions says of them: nothing is advertised without a handler. */
export class HandlerRegistry {
  /** Ascending by key. */
  readonly advertised: readonly AdvertisedApi[];
  readonly #byKey = new Map<number, KafkaHandler>();

  constructor(handlers: readonly KafkaHandler[]) {
    for (const handler of handlers) {
      assert(!this.#byKey.has(handler.api.key), `${handler.api.name} has two handlers`);
      this.#byKey.set(handler.api.key, handler);
    }
    this.advertised = [...handlers]
      .sort((left, right) => left.api.key - right.api.key)
      .map(({ api, advertised }) => ({ apiKey: api.key, minVersion: advertised.min, maxVersion: advertised.max }));
  }

  get(apiKey: number): KafkaHandler | undefined {
    return this.#byKey.get(apiKey);
  }
}
