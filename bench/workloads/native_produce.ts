/**
 * `native-produce`: records through native frames to the disk, beside servers of the same frames that do nothing with
 * them: one sends each frame back, the other answers as the broker does and writes nothing.
 */
import { writeFile } from "node:fs/promises";
import { compareServers } from "../beside_server.ts";
import { askFrame, FrameLoadClient, requestFrame } from "../frame_client.ts";
import { makeBatch } from "../payloads.ts";
import { type ServerProcess, startServerProcess } from "../server_process.ts";
import type { Workload } from "../workload.ts";

const RECORDS = 1_000;
const VALUE_BYTES = 100;
const IN_FLIGHT = 16;

export const nativeProduce: Workload = {
  name: "native-produce",
  summary: "batches of 1,000 x 100 B over native frames, each synced; beside a frame echo and a frame answerer",
  async run(context) {
    const { network } = context.platform;
    const frame = requestFrame("produce", {
      topic: "bench",
      partition: 0,
      batch: makeBatch(RECORDS, VALUE_BYTES).bytes,
    });
    const broker = await startServerProcess("broker", { dataPath: `${context.directory}/data` });
    const replyPath = `${context.directory}/reply`;
    await writeFile(replyPath, await askFrame(network, broker.addresses.binaryPort!, frame));
    const echo = await startServerProcess("frames", { replyPath: null });
    const answerer = await startServerProcess("frames", { replyPath });
    const loaded = async (server: ServerProcess) => {
      const port = server.addresses.binaryPort!;
      return { server, clients: await FrameLoadClient.open({ network, port, frames: [frame], inFlight: IN_FLIGHT }) };
    };
    const names = { workload: "native-produce", records: RECORDS };
    const besideEcho = { ...names, prefix: "", beside: "frame echo", target: { of: "ratio", atLeast: 0.5 } } as const;
    const besideAnswerer = { ...names, prefix: "unechoed_", beside: "frame answerer" };
    try {
      return [
        ...await compareServers(context, besideEcho, await loaded(echo), await loaded(broker)),
        ...await compareServers(context, besideAnswerer, await loaded(answerer), await loaded(broker)),
      ];
    } finally {
      await Promise.all([broker.stop(), echo.stop(), answerer.stop()]);
    }
  },
};
