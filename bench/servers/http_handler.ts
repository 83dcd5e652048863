/**
 * What HTTP costs a handler that does nothing: a Hono app on the same server port as the broker's, which parses the body,
 * checks it and answers as many bytes as the broker does; or which answers bytes that lie ready.
 */
import { readFile } from "node:fs/promises";
import { Hono } from "hono";
import { LIMITS } from "../../src/base/limits.ts";
import { decodeCbor } from "../../src/cbor/decode_cbor.ts";
import { produceBodySchema, produceEnvelopeSchema } from "../../src/http/schemas.ts";
import { currentPlatform } from "../runtime.ts";
import { entryOptions, serveUntilInputEnds } from "./serve.ts";

const { answerPath } = entryOptions<{ readonly answerPath: string }>();
const answer = new Uint8Array(await readFile(answerPath));
const app = new Hono();

// JSON as an application would do it: the whole body against its schema.
app.post("/json", async (c) => {
  produceBodySchema.parse(await c.req.json());
  return new Response(answer, { headers: { "content-type": "application/json" } });
});

// CBOR against the envelope only, which is all that the broker has a schema check.
app.post("/cbor", async (c) => {
  const decoded = decodeCbor(new Uint8Array(await c.req.arrayBuffer()), { depthMax: LIMITS.bodyDepthMax });
  if ("fault" in decoded) throw new Error(decoded.fault);
  produceEnvelopeSchema.parse(decoded.value);
  return new Response(answer, { headers: { "content-type": "application/cbor" } });
});

app.get("/ready-made", () => new Response(answer, { headers: { "content-type": "application/cbor" } }));

const { httpServer } = await currentPlatform();
const listener = await httpServer.listen({ host: "127.0.0.1", port: 0 }, (request) => app.fetch(request), {
  headerMsMax: LIMITS.httpHeaderMsMax,
  idleMsMax: LIMITS.httpIdleMsMax,
  headerBytesMax: LIMITS.httpHeaderBytesMax,
  bodyBytesMax: LIMITS.httpBodyBytesMax,
  bodyMsMax: LIMITS.httpBodyMsMax,
});
await serveUntilInputEnds({ httpPort: listener.address.port }, () => listener.stop(1_000));
