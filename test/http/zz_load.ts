import { encodeCbor } from "../../src/cbor/encode_cbor.ts";
const url = new URL(Bun.argv[2]!); const mode = Bun.argv[3]; const conns = Number(Bun.argv[4]); const secs = 4;
const body: Uint8Array = mode === "json" ? new TextEncoder().encode(JSON.stringify({ records: [{ key: "user-1", value: "x".repeat(1000) }] }))
 : encodeCbor({ records: Array.from({ length: 1000 }, (_, i) => ({ key: new TextEncoder().encode("key-" + i), value: new Uint8Array(1024).fill(65) })) });
const head = `POST /v1/topics/orders/records HTTP/1.1\r\nHost: 127.0.0.1:${url.port}\r\nContent-Type: application/${mode === "json" ? "json" : "cbor"}\r\nContent-Length: ${body.length}\r\n\r\n`;
const req = Buffer.concat([Buffer.from(head), body]);
let done = 0, bad = 0, stop = false; const t0 = performance.now(); let t1 = t0; let base = 0;
setTimeout(() => { base = done; t1 = performance.now(); }, 1500);
for (let i = 0; i < conns; i++) {
  let at = 0, left = -1, buf = "";
  const send = (s: any) => { at = 0; push(s); };
  const push = (s: any) => { while (at < req.length) { const n = s.write(req.subarray(at)); if (n <= 0) return; at += n; } };
  Bun.connect({ hostname: "127.0.0.1", port: Number(url.port), socket: {
    open: send, drain(s) { push(s); },
    data(s, d) { buf += d.toString("latin1"); while (true) { const e = buf.indexOf("\r\n\r\n"); if (e < 0) return; const m = /content-length: (\d+)/i.exec(buf.slice(0, e)); const len = m ? Number(m[1]) : 0; if (buf.length < e + 4 + len) return; if (!buf.startsWith("HTTP/1.1 200")) { if (bad++ === 0) console.log(buf.slice(0, 600)); } buf = buf.slice(e + 4 + len); done++; if (!stop) send(s); } },
  } });
}
setTimeout(() => { console.log(mode, done, Math.round((done - base) / ((performance.now() - t1) / 1000)), "req/s bad", bad); process.exit(0); }, 1500 + secs * 1000);
