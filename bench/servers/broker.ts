/** The broker, as `sentinel serve` starts it, over a fresh data directory. */
import process from "node:process";
import { startServer } from "../../src/server/server.ts";
import { currentPlatform } from "../runtime.ts";
import { entryOptions, serveUntilInputEnds } from "./serve.ts";

const { dataPath } = entryOptions<{ readonly dataPath: string }>();
const platform = await currentPlatform();
const server = await startServer(platform, {
  dataPath,
  host: "127.0.0.1",
  port: 0,
  httpPort: 0,
  advertised: null,
  nodeId: 1,
  durability: "fsync",
  flushIntervalMs: 100,
  autoCreate: true,
  partitionsDefault: 1,
  insecure: false,
  inMemory: false,
}, {
  log: (level, message) => {
    if (level !== "info") process.stderr.write(`${level}: ${message}\n`);
  },
});
await serveUntilInputEnds(
  { binaryPort: server.binary.port, httpPort: server.http.port },
  () => server.stop(1_000),
);
