/** `http-consume`: full CBOR pages out of the log, beside a handler that answers the same bytes ready made. */
import { writeFile } from "node:fs/promises";
import { encodeCbor } from "../../src/cbor/encode_cbor.ts";
import { compareServers } from "../beside_server.ts";
import { askOnce, HttpLoadClient, httpRequest } from "../http_client.ts";
import { textValue } from "../payloads.ts";
import { startServerProcess } from "../server_process.ts";
import type { Workload } from "../workload.ts";

const RECORDS = 1_000;
const VALUE_BYTES = 1_000;
const CONNECTIONS = 8;
const PAGES = 16;

export const httpConsume: Workload = {
  name: "http-consume",
  summary: "CBOR pages of 1,000 x 1 KB, from the files; beside a handler that answers the same bytes ready made",
  async run(context) {
    const { network } = context.platform;
    const broker = await startServerProcess("broker", { dataPath: `${context.directory}/data` });
    const port = broker.addresses.httpPort!;
    const headers = { "content-type": "application/cbor", accept: "application/cbor" };
    const records = Array.from({ length: RECORDS }, (_, index) => ({ value: textValue(VALUE_BYTES, index + 1) }));
    const produce = httpRequest("POST", "/v1/topics/bench/records?partition=0", headers, encodeCbor({ records }));
    for (let page = 0; page < PAGES; page++) await askOnce(network, port, produce);
    const answerPath = `${context.directory}/answer`;
    const pageFrom = (page: number) => {
      const query = `from=${page * RECORDS}&limit=${RECORDS}&maxBytes=4000000`;
      return httpRequest("GET", `/v1/topics/bench/partitions/0/records?${query}`, { accept: "application/cbor" });
    };
    await writeFile(answerPath, await askOnce(network, port, pageFrom(0)));
    const handler = await startServerProcess("http_handler", { answerPath });
    const ready = httpRequest("GET", "/ready-made", { accept: "application/cbor" });
    try {
      const ours: HttpLoadClient[] = [];
      // Pages of different ages: most come from the file, as a reader that is behind sees them.
      for (let index = 0; index < CONNECTIONS; index++) {
        ours.push(...await HttpLoadClient.open(network, port, pageFrom(index), 1));
      }
      const limit = await HttpLoadClient.open(network, handler.addresses.httpPort!, ready, CONNECTIONS);
      const names = { workload: "http-consume", prefix: "", beside: "ready-made answers", records: RECORDS };
      const limitLoaded = { server: handler, clients: limit };
      return await compareServers(context, names, limitLoaded, { server: broker, clients: ours });
    } finally {
      await Promise.all([broker.stop(), handler.stop()]);
    }
  },
};
