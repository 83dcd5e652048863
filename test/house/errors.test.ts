import { deepEqual } from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { ERRORS } from "../../src/base/errors.ts";

/** Code to [HTTP status, Kafka error, retryable], as the first version that had the code answered it. */
type Snapshot = Record<string, [httpStatus: number, kafkaError: number | null, retryable: boolean]>;

test("ERRORS is append-only: clients switch on its codes and numbers", async () => {
  const text = await readFile(new URL("./errors_snapshot.json", import.meta.url), "utf8");
  const snapshot = JSON.parse(text) as Snapshot;
  const current: Snapshot = Object.fromEntries(
    Object.entries(ERRORS).map(([code, row]) => [code, [row.httpStatus, row.kafkaError, row.retryable]]),
  );
  const kept = Object.fromEntries(Object.keys(snapshot).map((code) => [code, current[code]]));
  deepEqual(kept, snapshot);
  const added = Object.entries(current).filter(([code]) => !Object.hasOwn(snapshot, code))
    .map(([code, row]) => `${JSON.stringify(code)}: ${JSON.stringify(row)}`);
  deepEqual(added, [], "New codes: add these lines to test/house/errors_snapshot.json");
});
