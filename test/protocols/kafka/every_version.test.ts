import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { SentinelError } from "../../../src/base/errors.ts";
import { KAFKA_HANDLERS } from "../../../src/protocols/kafka/handlers.ts";
import { SeededRandom } from "../../seeded_random.ts";
import { randomStruct } from "../../schema/random_value.ts";
import { openKafka } from "./kafka_fixture.ts";

const REQUESTS_A_VERSION = 4;

test("every API in every version answers any request in its own form, and none of it is our bug", async () => {
  const random = new SeededRandom(4711);
  for (const { api, versions } of KAFKA_HANDLERS) {
    await using kafka = await openKafka();
    // One of the names that random values have.
    await kafka.broker.createTopic("orders", { partitions: 3 });
    for (let version = versions.min; version <= versions.max; version += 1) {
      for (let round = 0; round < REQUESTS_A_VERSION; round += 1) {
        const request = randomStruct(random, api.request.fields, { version });
        // A wait would be for a clock that stands still.
        if ("maxWaitMs" in request) request["maxWaitMs"] = 0;
        // Without acks a failure would end the session.
        if ("acks" in request) request["acks"] = -1;
        try {
          await kafka.call(api, version, request as never);
        } catch (thrown) {
          if (!(thrown instanceof SentinelError)) throw thrown;
          // An answer that is none: the connection ended.
          equal(thrown.code, "invalid_request");
          kafka.reconnect();
        }
        deepEqual(kafka.internalErrors, [], `${api.name} v${version}`);
        kafka.session.endWaits();
      }
    }
  }
});
