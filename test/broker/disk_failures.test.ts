import { deepEqual, equal, rejects } from "node:assert/strict";
import { test } from "node:test";
import { PlatformError, SentinelError } from "../../src/base/errors.ts";
import { verifyDataDirectory } from "../../src/storage/log/verify_data_directory.ts";
import { FaultyDisk } from "../storage/faulty_disk.ts";
import { IN_DIRECTORIES, openBroker, produce } from "./broker_fixture.ts";

/** Fails every operation that `matches` until the returned function is called. */
function failWhile(disk: FaultyDisk, matches: (operation: string, path: string) => boolean): () => void {
  const { before } = disk;
  disk.before = ({ operation, path }) => {
    if (matches(operation, path)) throw new PlatformError("too_many_open_files", operation, path);
    return Promise.resolve();
  };
  return () => disk.before = before;
}

test("a topic that cannot be opened is not made: the caller hears of it, and it can be made when there is room", async () => {
  await using opened = await openBroker(IN_DIRECTORIES);
  const { broker, disk } = opened;
  const heal = failWhile(disk, (operation, path) => operation === "open" && path.endsWith("leader-epoch-checkpoint"));
  await rejects(broker.createTopic("orders"), { code: "storage_error" });
  equal(broker.describeTopic("orders"), null);
  heal();
  await broker.createTopic("orders");
  equal(await produce(broker, "orders", "first"), 0);
});

test("a delete whose files cannot go has happened: the topic is gone, made again it is empty, also after a restart", async () => {
  const disk = new FaultyDisk();
  {
    await using opened = await openBroker({}, disk);
    const { broker } = opened;
    await produce(broker, "orders", "old");
    const heal = failWhile(disk, (operation) => operation === "rename");
    await broker.deleteTopic("orders");
    equal(broker.describeTopic("orders"), null);
    heal();
  }
  await using again = await openBroker({}, disk);
  equal(again.broker.describeTopic("orders"), null);
  equal(await produce(again.broker, "orders", "new"), 0);
});

test("what a disk refuses while topics change is a storage_error, not our bug", async () => {
  await using opened = await openBroker(IN_DIRECTORIES);
  const { broker, disk } = opened;
  for (const operation of ["create", "write", "sync", "make directory"]) {
    const heal = failWhile(disk, (failing, path) => failing === operation && path.includes("/orders-"));
    await rejects(broker.createTopic("orders"), { code: "storage_error" }, operation);
    heal();
  }
  await broker.createTopic("orders");
});

/** What `log verify` says of a broker that was closed. */
async function findingsIn(disk: FaultyDisk): Promise<string[]> {
  const findings: string[] = [];
  await verifyDataDirectory(disk, "/data", {
    onFinding: ({ severity, path, detail }) => findings.push(`${severity} ${path}: ${detail}`),
  });
  return findings;
}

// simulate --seed 76021 --scenario mixed, no descriptors
test("partitions that could not be made all go, although the removal of each is refused something", async () => {
  await using opened = await openBroker(IN_DIRECTORIES);
  const { broker, disk } = opened;
  const heal = failWhile(
    disk,
    (operation, path) =>
      path.endsWith("partition.metadata.tmp") || (operation === "sync directory" && path === "/data"),
  );
  await rejects(broker.createTopic("orders", { partitions: 3 }), { code: "storage_error" });
  heal();
  deepEqual((await disk.list("/data")).filter((name) => name.startsWith("orders-")), []);
});

test("partitions that were not made to their end are no damage, and are set aside by the next start", async () => {
  for (const lacking of ["partition.metadata.tmp", "leader-epoch-checkpoint.tmp", "recovery-point", ".log"]) {
    const disk = new FaultyDisk();
    {
      await using opened = await openBroker(IN_DIRECTORIES, disk);
      const { broker } = opened;
      await produce(broker, "kept", "value");
      const heal = failWhile(disk, (operation, path) =>
        operation === "rename" ||
        path.endsWith(lacking) && path.includes("/orders-"));
      await rejects(broker.createTopic("orders", { partitions: 2 }), { code: "storage_error" });
      heal();
    }
    const findings = await findingsIn(disk);
    deepEqual(findings.filter((finding) => finding.startsWith("damage")), [], lacking);
    equal(findings.filter((finding) => finding.includes("was not made to its end")).length, 2, findings.join());
    await using again = await openBroker(IN_DIRECTORIES, disk);
    deepEqual(again.report.setAside, ["orders-0", "orders-1"]);
    equal(await produce(again.broker, "orders", "first"), 0);
  }
});

test("a partition that has records and no partition.metadata is damage", async () => {
  const disk = new FaultyDisk();
  {
    await using opened = await openBroker(IN_DIRECTORIES, disk);
    await produce(opened.broker, "orders", "value");
  }
  await disk.remove("/data/orders-0/partition.metadata");
  deepEqual((await findingsIn(disk)).filter((finding) => finding.startsWith("damage")), [
    "damage /data/orders-0/partition.metadata: the file is missing or not readable",
  ]);
});

test("log verify finds nothing wrong after a trim into a batch, and after one to the end", async () => {
  for (const offset of [2, 5]) {
    const disk = new FaultyDisk();
    {
      await using opened = await openBroker({}, disk);
      const { broker } = opened;
      const records = Array.from(
        { length: 5 },
        () => ({ record: { key: null, value: new Uint8Array(3), headers: [] } }),
      );
      await broker.produceRecords("orders", records, { acks: "all" });
      await broker.deleteRecordsBefore("orders", 0, offset);
    }
    const findings: string[] = [];
    await verifyDataDirectory(disk, "/data", { onFinding: ({ path, detail }) => findings.push(`${path}: ${detail}`) });
    deepEqual(findings, []);
    await using again = await openBroker({}, disk);
    deepEqual(again.report.offline, []);
    equal(await produce(again.broker, "orders", "next"), 5);
  }
});

test("a trim on a full disk moves the log start, and the log goes on, also after a restart", async () => {
  const disk = new FaultyDisk();
  {
    await using opened = await openBroker({}, disk);
    const { broker } = opened;
    for (const value of ["a", "b", "c"]) await produce(broker, "orders", value);
    const heal = failWhile(disk, (operation, path) => operation !== "open" && path.endsWith(".tmp"));
    equal(await broker.deleteRecordsBefore("orders", 0, 2), 2);
    heal();
    equal(await produce(broker, "orders", "d"), 3);
  }
  await using again = await openBroker({}, disk);
  deepEqual(again.report.offline, []);
  equal(again.broker.describeTopic("orders")!.partitions[0]!.start, 2);
  equal(await produce(again.broker, "orders", "e"), 4);
});

test("a call whose first batches are stored when the disk is full says how many", async () => {
  await using opened = await openBroker(IN_DIRECTORIES);
  const { broker, disk } = opened;
  await broker.createTopic("orders", { config: { "max.message.bytes": "200", "segment.bytes": "300" } });
  const records = Array.from({ length: 4 }, () => ({ record: { key: null, value: new Uint8Array(100), headers: [] } }));
  // The second segment cannot be made: the batches of the first one are there by then.
  const heal = failWhile(disk, (operation, path) => operation === "create" && path.endsWith(".log"));
  const [outcome] = await broker.produceRecords("orders", records, { acks: "all" });
  heal();
  const end = broker.describeTopic("orders")!.partitions[0]!.end;
  if (outcome?.ok !== false || !(outcome.error instanceof SentinelError)) throw outcome;
  deepEqual([outcome.error.code, outcome.error.facts, end], ["storage_error", { first: 0, stored: 1 }, 1]);
  equal(await produce(broker, "orders", "next"), end);
});
