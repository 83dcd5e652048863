import { expect, test } from "bun:test";
import { startBroker } from "sentinel/testing";

test("an order that is produced is read back", async () => {
  await using broker = await startBroker({ memory: true });
  const records = `${broker.http}/v1/topics/orders/records`;
  await fetch(records, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ records: [{ key: "u1", value: "hello" }] }),
  });
  const page = await (await fetch(records)).json();
  expect(page.records).toMatchObject([{ offset: 0, key: "u1", value: "hello" }]);
});
