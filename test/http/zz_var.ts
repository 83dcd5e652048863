import { decodeUtf8 } from "../../src/bytes/utf8.ts";
import { jsonDepthExceeds } from "../../src/http/json_depth.ts";
const v = process.argv[2]!;
const H = () => ({ "x-request-id": "abc", "x-content-type-options": "nosniff", "cache-control": "no-store", "content-type": "application/json" });
const J = { "content-type": "application/json" };
async function f(r: Request): Promise<Response> {
  if (v.includes("g")) { const h = r.headers; for (const n of ["origin", "host", "content-type", "content-encoding", "content-length", "if-match", "idempotency-key", "accept"]) h.get(n); }
  let b: any;
  if (v.includes("a")) { const y = new Uint8Array(await r.arrayBuffer()); if (v.includes("d")) jsonDepthExceeds(y, 64); b = JSON.parse(decodeUtf8(y)!); } else if (v.includes("y")) { b = JSON.parse(decodeUtf8(await (r as any).bytes())!); } else if (v.includes("t")) b = JSON.parse(await r.text()); else b = await r.json();
  return new Response(JSON.stringify({ n: b.records.length }), { status: 200, headers: v.includes("h") ? H() : J });
}
console.log("http://127.0.0.1:" + Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: f }).port);
