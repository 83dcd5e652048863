import { Hono } from "hono";
import { startTestBroker } from "../../src/server/test_broker.ts";
import { currentPlatform } from "../adapters/current.ts";
import { decodeCbor } from "../../src/cbor/decode_cbor.ts";
const g: any = globalThis;
const kind = (g.Bun ? Bun.argv[2] : g.Deno.args[0]);
if (kind === "app") {
  const b = await startTestBroker(currentPlatform({ memory: true }));
  console.log(b.http);
} else if (kind.startsWith("stub")) {
  const { createHttpApp } = await import("../../src/http/app.ts");
  const platform = currentPlatform({ memory: true });
  const idx: number[][] = []; 
  const broker: any = { describeTopic: () => null, produceRecords: async (_t: string, r: any[]) => [{ ok: true, ack: { partition: 0, first: 5, count: r.length, logAppendTimeMs: -1, logStart: 0, durability: "fsync" }, indexes: r.map((_: any, i: number) => i) }] };
  const app = createHttpApp({ broker, clock: platform.clock, random: platform.random, compression: platform.compression, isLoopback: true });
  const ctx = { peer: "", keepOpen() {} };
  if (kind === "stubadapter") { const l = await platform.httpServer.listen({ host: "127.0.0.1", port: 0 }, (r, c) => app.handle(r, c), { headerMsMax: 10000, idleMsMax: 60000, headerBytesMax: 16384, bodyBytesMax: 4 << 20, bodyMsMax: 30000 }); console.log("http://127.0.0.1:" + l.address.port); }
  else if (g.Bun) console.log("http://127.0.0.1:" + g.Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (r: Request) => app.handle(r, ctx) }).port);
  else { const s = g.Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (r: Request) => app.handle(r, ctx)); console.log("http://127.0.0.1:" + s.addr.port); }
} else {
  const bare = new Hono();
  bare.post("/v1/topics/:topic/records", async (c: any) => {
    if (c.req.header("content-type") === "application/cbor") { const d: any = decodeCbor(new Uint8Array(await c.req.arrayBuffer()), { depthMax: 64 }); return c.json({ n: d.value.records.length }); }
    const b: any = await c.req.json(); return c.json({ n: b.records.length }); });
  if (g.Bun) console.log("http://127.0.0.1:" + g.Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: bare.fetch }).port);
  else { const s = g.Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, bare.fetch); console.log("http://127.0.0.1:" + s.addr.port); }
}
