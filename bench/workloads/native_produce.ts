/**
 * `native-produce`: records through native frames to the disk, beside servers of the same frames that do nothing with
 * them: one sends each frame back, the other answers as the broker does and writes nothing.
 */
import { writeFile } from "node:fs/promises";
import { compareServers, scaled } from "../beside_server.ts";
import type { Figure } from "../figure.ts";
import { askFrame, FrameLoadClient, requestFrame } from "../frame_client.ts";
import { makeBatch } from "../payloads.ts";
import { startServerProcess } from "../server_process.ts";
import { besideFigure, type Workload } from "../workload.ts";

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
    const open = (port: number) => FrameLoadClient.open({ network, port, frames: [frame], inFlight: IN_FLIGHT });
    const figures: Figure[] = [];
    try {
      for (
        const { beside, limit } of [{ beside: "frame echo", limit: echo }, {
          beside: "frame answerer",
          limit: answerer,
        }]
      ) {
        const comparison = await compareServers(
          context,
          await open(limit.addresses.binaryPort!),
          await open(broker.addresses.binaryPort!),
        );
        const named = { workload: "native-produce", figure: "records_per_s", unit: "1/s", beside };
        const target = beside === "frame echo" ? { target: { of: "ratio", atLeast: 0.5 } as const } : {};
        figures.push(besideFigure({ ...named, ...target }, scaled(comparison, RECORDS)));
      }
    } finally {
      await Promise.all([broker.stop(), echo.stop(), answerer.stop()]);
    }
    return figures;
  },
};
