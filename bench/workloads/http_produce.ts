/**
 * `http-produce`: records over HTTP to the disk, beside a Hono handler on the same server which only parses the body and
 * answers as many bytes. Two shapes: many callers with one record each, few callers with full batches.
 */
import { writeFile } from "node:fs/promises";
import { encodeCbor } from "../../src/cbor/encode_cbor.ts";
import { compareServers } from "../beside_server.ts";
import type { Figure } from "../figure.ts";
import { askOnce, HttpLoadClient, httpRequest } from "../http_client.ts";
import { textValue } from "../payloads.ts";
import { type ServerProcess, startServerProcess } from "../server_process.ts";
import type { BenchContext, Workload } from "../workload.ts";

const VALUE_BYTES = 1_000;

interface Shape {
  readonly prefix: string;
  readonly connections: number;
  readonly records: number;
  readonly type: "json" | "cbor";
  readonly ratioMin: number;
}

const SHAPES: readonly Shape[] = [
  { prefix: "single_", connections: 256, records: 1, type: "json", ratioMin: 0.6 },
  { prefix: "batched_", connections: 8, records: 1_000, type: "cbor", ratioMin: 0.5 },
];

export const httpProduce: Workload = {
  name: "http-produce",
  summary:
    "256 callers x 1 record of 1 KB in JSON, and batches of 1,000 in CBOR, each synced; beside a parse-only handler",
  async run(context) {
    const broker = await startServerProcess("broker", { dataPath: `${context.directory}/data` });
    const figures: Figure[] = [];
    try {
      for (const shape of SHAPES) figures.push(...await runShape(context, shape, broker));
    } finally {
      await broker.stop();
    }
    return figures;
  },
};

function body({ type, records }: Shape): Uint8Array {
  if (type === "json") {
    const value = new TextDecoder().decode(textValue(VALUE_BYTES, 1));
    return new TextEncoder().encode(JSON.stringify({ records: [{ value }] }));
  }
  return encodeCbor({
    records: Array.from({ length: records }, (_, index) => ({ value: textValue(VALUE_BYTES, index + 1) })),
  });
}

async function runShape(context: BenchContext, shape: Shape, broker: ServerProcess): Promise<Figure[]> {
  const { network } = context.platform;
  const { prefix, connections, records, type, ratioMin } = shape;
  const port = broker.addresses.httpPort!;
  const headers = { "content-type": `application/${type}`, accept: `application/${type}` };
  const bytes = body(shape);
  const ours = httpRequest("POST", `/v1/topics/bench-${type}/records`, headers, bytes);
  const answerPath = `${context.directory}/answer-${type}`;
  await writeFile(answerPath, await askOnce(network, port, ours));
  const handler = await startServerProcess("http_handler", { answerPath });
  const limit = httpRequest("POST", `/${type}`, headers, bytes);
  try {
    const target = { of: "ratio", atLeast: ratioMin } as const;
    const names = { workload: "http-produce", prefix, beside: "parse-only handler", records, target };
    return await compareServers(context, names, {
      server: handler,
      clients: await HttpLoadClient.open(network, handler.addresses.httpPort!, limit, connections),
    }, { server: broker, clients: await HttpLoadClient.open(network, port, ours, connections) });
  } finally {
    await handler.stop();
  }
}
