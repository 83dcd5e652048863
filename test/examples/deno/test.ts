import { startBroker } from "sentinel/testing";
import { partialDeepStrictEqual } from "node:assert/strict";

Deno.test("an order that is produced is read back", async () => {
  await using broker = await startBroker({ memory: true });
  const records = `${broker.http}/v1/topics/orders/records`;
  await (await fetch(records, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ records: [{ key: "u1", value: "hello" }] }),
  })).json();
  const page = await (await fetch(records)).json();
  partialDeepStrictEqual(page.records, [{ offset: 0, key: "u1", value: "hello" }]);
});
