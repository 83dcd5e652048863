/** `native-fetch`: records through native frames from the log, beside a server that sends the same frames ready made. */
import { writeFile } from "node:fs/promises";
import { compareServers } from "../beside_server.ts";
import { askFrame, FrameLoadClient, requestFrame } from "../frame_client.ts";
import { runLoad } from "../load.ts";
import { makeBatch } from "../payloads.ts";
import { type ServerProcess, startServerProcess } from "../server_process.ts";
import type { Workload } from "../workload.ts";

const RECORDS = 1_000;
const VALUE_BYTES = 100;
const IN_FLIGHT = 4;

export const nativeFetch: Workload = {
  name: "native-fetch",
  summary: "1,000 x 100 B a fetch over native frames, from the files; beside the same frames ready made",
  async run(context) {
    const { network, clock } = context.platform;
    const broker = await startServerProcess("broker", { dataPath: `${context.directory}/data` });
    const port = broker.addresses.binaryPort!;
    const produce = requestFrame("produce", {
      topic: "bench",
      partition: 0,
      batch: makeBatch(RECORDS, VALUE_BYTES).bytes,
    });
    // Far more than the tail cache holds, so that most fetches read the file.
    const batches = context.isSmoke ? 8 : 200;
    const filler = await FrameLoadClient.open({ network, port, frames: [produce], inFlight: batches });
    await runLoad(clock, filler, 0);
    filler[0]!.close();
    const fetches = Array.from(
      { length: batches },
      (_, batch) => requestFrame("fetch", { topic: "bench", partition: 0, offset: batch * RECORDS }),
    );
    const replyPath = `${context.directory}/reply`;
    await writeFile(replyPath, await askFrame(network, port, fetches[0]!));
    const readyMade = await startServerProcess("frames", { replyPath });
    const loaded = async (server: ServerProcess) => {
      const options = { network, port: server.addresses.binaryPort!, frames: fetches, inFlight: IN_FLIGHT };
      return { server, clients: await FrameLoadClient.open(options) };
    };
    const names = { workload: "native-fetch", prefix: "", beside: "ready-made frames", records: RECORDS };
    try {
      return await compareServers(context, names, await loaded(readyMade), await loaded(broker));
    } finally {
      await Promise.all([broker.stop(), readyMade.stop()]);
    }
  },
};
