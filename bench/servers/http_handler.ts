/**
 * What HTTP costs a handler that does nothing: a Hono app on the same server port as the broker's, which parses the body,
 * checks it and answers as many bytes as the broker does; or which answers bytes that lie ready.
 */
import { readFile } from "node:fs/promises";
import { Hono } from "hono";
import { z } from "zod";
import { LIMITS } from "../../src/base/limits.ts";
import { decodeCbor } from "../../src/cbor/decode_cbor.ts";
import type { RequestContext } from "../../src/platform/http_server.ts";
import { produceBodySchema } from "../../src/http/schemas.ts";
import { HTTP_BOUNDS } from "../../src/server/server_options.ts";
import { currentPlatform } from "../runtime.ts";
import { entryOptions, serveUntilInputEnds } from "./serve.ts";

const { answerPath } = entryOptions<{ readonly answerPath: string }>();
const answer = new Uint8Array(await readFile(answerPath));
const app = new Hono<{ Bindings: RequestContext }>();

const bytes = z.instanceof(Uint8Array);
/** The shape of `produceBodySchema`'s envelope, in CBOR's types. */
const cborBodySchema = z.strictObject({
  records: z.array(z.object({
    key: bytes.nullable().optional(),
    value: bytes.nullable().optional(),
    headers: z.array(z.tuple([z.string(), bytes.nullable()])).optional(),
    timestamp: z.number().int().min(0).optional(),
    partition: z.number().int().min(0).optional(),
  })).min(1),
});

// As an application does it: the whole body against its schema.
app.post("/json", async (c) => {
  produceBodySchema.parse(JSON.parse(new TextDecoder().decode(await c.env.readBody())));
  return new Response(answer, { headers: { "content-type": "application/json" } });
});

app.post("/cbor", async (c) => {
  const decoded = decodeCbor(await c.env.readBody(), { depthMax: LIMITS.bodyDepthMax });
  if ("fault" in decoded) throw new Error(decoded.fault);
  cborBodySchema.parse(decoded.value);
  return new Response(answer, { headers: { "content-type": "application/cbor" } });
});

app.get("/ready-made", () => new Response(answer, { headers: { "content-type": "application/cbor" } }));

const { httpServer } = await currentPlatform();
const listener = await httpServer.listen(
  { host: "127.0.0.1", port: 0 },
  (request, context) => app.fetch(request, context),
  HTTP_BOUNDS,
);
await serveUntilInputEnds({ httpPort: listener.address.port }, () => listener.stop(1_000));
