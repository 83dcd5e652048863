/** Appends to a log with group commit until it has the wanted size, says so, and waits to be killed. */
import { RecordBatch } from "../../src/records/record_batch.ts";
import { makeLog } from "../bench_log.ts";
import { makeBatch } from "../payloads.ts";
import { currentPlatform } from "../runtime.ts";
import { entryOptions, serveUntilInputEnds } from "./serve.ts";

const { path, sizeBytes } = entryOptions<{ readonly path: string; readonly sizeBytes: number }>();
const log = await makeLog(await currentPlatform(), path);
const template = makeBatch(640, 100);
while (log.sizeBytes < sizeBytes) {
  for (let count = 0; count < 64; count++) log.appendAsLeader(new RecordBatch(template.bytes.slice()), 0);
  log.requestFlush();
  await log.flushToSystem();
}
await serveUntilInputEnds({}, () => log.close());
