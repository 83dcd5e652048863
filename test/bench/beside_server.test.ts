import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { compareServers } from "../../bench/beside_server.ts";
import type { ServerProcess } from "../../bench/server_process.ts";
import type { BenchContext } from "../../bench/workload.ts";
import { currentPlatform } from "../adapters/current.ts";

/** A server that is this very process, and a client of it that needs nobody. */
function stubServer(): {
  readonly server: ServerProcess;
  readonly clients: { exchange(): Promise<void>; close(): void }[];
  closed: number;
} {
  const stub = {
    closed: 0,
    server: { addresses: {}, processId: process.pid, stop: () => Promise.resolve(), kill: () => Promise.resolve() },
    clients: [{
      exchange: () => new Promise<void>((resolve) => void setTimeout(resolve, 1)),
      close: () => void (stub.closed += 1),
    }],
  };
  return stub;
}

const context = (): BenchContext => ({
  platform: currentPlatform({ memory: true }),
  runtime: "bun",
  isSmoke: true,
  directory: "/nowhere",
  progress: () => {},
});
// A power of two: scaling by it changes no digit of a ratio.
const NAMES = { workload: "w", prefix: "single_", beside: "nothing", records: 8 };

test("compareServers() tells records a second beside the limit's, and closes all clients", async () => {
  const limit = stubServer();
  const ours = stubServer();
  const figures = await compareServers(
    context(),
    { ...NAMES, target: { of: "ratio", atLeast: 0.000_001 } },
    limit,
    ours,
  );
  const rate = figures[0]!;
  assert.equal(rate.figure, "single_records_per_s");
  assert.equal(rate.ratio, rate.value / rate.besideValue!);
  assert.equal(rate.target, "ratio ≥ 0.000001: yes");
  for (const cost of figures.slice(1)) assert.equal(cost.figure, "single_server_us_per_record");
  assert.deepEqual([limit.closed, ours.closed], [1, 1]);
});

test("compareServers() closes all clients when a request fails", async () => {
  const limit = stubServer();
  const ours = stubServer();
  ours.clients[0]!.exchange = () => Promise.reject(new Error("refused"));
  await assert.rejects(compareServers(context(), NAMES, limit, ours), /refused/);
  assert.deepEqual([limit.closed, ours.closed], [1, 1]);
});
