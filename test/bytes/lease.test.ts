import { equal, throws } from "node:assert/strict";
import { test } from "node:test";
import { Lease } from "../../src/bytes/lease.ts";

function counted(): { readonly lease: Lease; readonly reuses: () => number } {
  let count = 0;
  return { lease: new Lease(() => count += 1), reuses: () => count };
}

test("a lease ends with its last hold, once", () => {
  const { lease, reuses } = counted();
  lease.hold();
  lease.hold();
  lease.release();
  lease.release();
  equal(reuses(), 0);
  lease.release();
  equal(reuses(), 1);
});

test("a lease that has ended is neither held nor released", () => {
  const { lease, reuses } = counted();
  lease.release();
  throws(() => lease.release(), /released once/);
  throws(() => lease.hold(), /cannot be held/);
  equal(reuses(), 1);
});

test("a lease is held while work goes on, whether it ends well or not", async () => {
  for (const endsWell of [true, false]) {
    const { lease, reuses } = counted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    lease.holdWhile(promise);
    lease.release();
    equal(reuses(), 0);
    if (endsWell) resolve();
    else reject(new Error("no"));
    await promise.then(() => {}, () => {});
    equal(reuses(), 1);
  }
});
