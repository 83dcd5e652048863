import { equal, ok, rejects } from "node:assert/strict";
import { test } from "node:test";
import { PlatformError } from "../../src/base/errors.ts";
import { ProducerIds } from "../../src/broker/producer_ids.ts";
import { SeededRandom } from "../seeded_random.ts";
import { FaultyDisk } from "../storage/faulty_disk.ts";
import { openBroker } from "./broker_fixture.ts";

test("a producer id is given once, also by calls at once, over restarts and crashes", async () => {
  let disk = new FaultyDisk();
  const random = new SeededRandom(1);
  const given = new Set<bigint>();
  let count = 0;
  for (let round = 0; round < 12; round++) {
    const opened = await openBroker({}, disk);
    const ids = Array.from({ length: 1 + random.below(1_500) }, () => opened.broker.allocateProducerId());
    for (const id of await Promise.all(ids)) given.add(id);
    count += ids.length;
    if (round % 2 === 0) await opened.broker.close();
    else disk = disk.crash(random.pick(["kill", "lost", "some"] as const), random);
  }
  equal(given.size, count);
});

test("a snapshot of the metadata log keeps what was reserved", () => {
  const metadata = { append: () => Promise.resolve() };
  const first = new ProducerIds(metadata);
  equal(first.snapshot().length, 0);
  first.apply({ type: "producer_ids", reserved: 3_000 });
  const second = new ProducerIds(metadata);
  for (const record of first.snapshot()) ok(second.apply(record));
  equal(second.apply({ type: "topic" }), false);
  return second.next().then((id) => equal(id, 3_000n));
});

test("an id is given only when its block is reserved for good", async () => {
  await using opened = await openBroker();
  const { broker, disk } = opened;
  const { before } = disk;
  disk.before = ({ operation, path }) => {
    if (operation === "write" && path.endsWith(".log")) throw new PlatformError("no_space", operation, path);
  };
  await rejects(broker.allocateProducerId(), { code: "storage_error" });
  disk.before = before;
  equal(await broker.allocateProducerId(), 0n);
});

test("a damaged reservation is told", () => {
  for (const reserved of [-1, 1.5, "1000", null, Number.MAX_VALUE]) {
    const ids = new ProducerIds({ append: () => Promise.resolve() });
    let told = false;
    try {
      ids.apply({ type: "producer_ids", reserved });
    } catch (thrown) {
      told = (thrown as { code?: string }).code === "storage_error";
    }
    ok(told, String(reserved));
  }
});
