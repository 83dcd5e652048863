/** The broker, as `sentinel serve` starts it, over a fresh data directory. */
import process from "node:process";
import { startServer } from "../../src/server/server.ts";
import { loopbackOptions } from "../../src/server/server_options.ts";
import { currentPlatform } from "../runtime.ts";
import { entryOptions, serveUntilInputEnds } from "./serve.ts";

interface BrokerEntryOptions {
  readonly dataPath: string;
  /** Delete this often what lies more than `KEPT_RECORDS` before the end of every partition. */
  readonly trimEveryMs?: number;
}

/** More than a soak's consumer may be behind. */
const KEPT_RECORDS = 400_000;

const { dataPath, trimEveryMs } = entryOptions<BrokerEntryOptions>();
const platform = await currentPlatform();
const server = await startServer(platform, loopbackOptions(dataPath), {
  log: (level, message) => {
    if (level !== "info") process.stderr.write(`${level}: ${message}\n`);
  },
});

async function trim(): Promise<void> {
  for (const name of server.broker.topicNames()) {
    for (const { partition, start, highWatermark } of server.broker.describeTopic(name)?.partitions ?? []) {
      const before = highWatermark - KEPT_RECORDS;
      if (before > start) await server.broker.deleteRecordsBefore(name, partition, before);
    }
  }
}

let trimming: Promise<void> | null = null;
const timer = trimEveryMs === undefined ? null : setInterval(() => {
  trimming ??= trim().then(() => void (trimming = null));
}, trimEveryMs);

await serveUntilInputEnds(
  { binaryPort: server.binary.port, httpPort: server.http.port },
  async () => {
    if (timer !== null) clearInterval(timer);
    await trimming;
    await server.stop(1_000);
  },
);
