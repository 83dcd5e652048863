/**
 * `log-recover`: opening a log whose process was killed, beside checksumming its bytes. Twice: with the recovery point
 * that the run has left (at most a second old), and with both of its slots lost, so that the whole active segment is
 * walked, written again and synced.
 */
import { copyFile, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { firstSegmentPath, openLog } from "../bench_log.ts";
import type { Figure } from "../figure.ts";
import { compareInRounds } from "../rounds.ts";
import { startServerProcess } from "../server_process.ts";
import { RECOVERY_POINT_FILE } from "../../src/storage/log/recovery_point.ts";
import { type BenchContext, besideFigure, loneFigure, type Workload } from "../workload.ts";
import { checksumFile } from "./log_read.ts";

export const logRecover: Workload = {
  name: "log-recover",
  summary: "opening 1 GB after a kill, with and without a recovery point; beside checksumming it",
  async run(context) {
    const path = `${context.directory}/log`;
    const kept = `${context.directory}/kept`;
    const sizeBytes = context.isSmoke ? 8_000_000 : 1_000_000_000;
    await (await startServerProcess("log_writer", { path, sizeBytes })).kill();
    await copySmallFiles(path, kept);
    const figures: Figure[] = [];
    for (const state of ["as_left", "point_lost"] as const) {
      const fileBytes = (await context.platform.disk.status(firstSegmentPath(path)))!.sizeBytes;
      const comparison = await compareInRounds(
        context.isSmoke ? 1 : 3,
        () => checksumFile(context, firstSegmentPath(path), fileBytes),
        async () => {
          await restoreSmallFiles(kept, path);
          if (state === "point_lost") await writeFile(`${path}/${RECOVERY_POINT_FILE}`, new Uint8Array(8_192));
          return fileBytes / await recover(context, path, fileBytes) / 1_000;
        },
      );
      const named = { workload: "log-recover", figure: `recovered_${state}_mb_per_s`, unit: "MB/s" };
      const target = { of: "ratio", atLeast: 0.5 } as const;
      figures.push(besideFigure({ ...named, beside: "read and crc32c", target }, comparison));
      const milliseconds = fileBytes / comparison.value / 1_000;
      figures.push(loneFigure({ workload: "log-recover", figure: `recovered_${state}_ms`, unit: "ms" }, milliseconds));
    }
    return figures;
  },
};

/** Milliseconds of the open. Its close, which marks a clean stop, is undone by the next round. */
async function recover({ platform }: BenchContext, path: string, fileBytes: number): Promise<number> {
  const startMs = platform.clock.monotonicMs();
  const { log } = await openLog(platform, path);
  const elapsedMs = platform.clock.monotonicMs() - startMs;
  if (log.sizeBytes !== fileBytes) throw new Error(`Recovered ${log.sizeBytes} of ${fileBytes} bytes`);
  await log.close();
  return elapsedMs;
}

/** Everything but the segment itself, which recovery leaves as it is. */
async function copySmallFiles(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from)) {
    if (!name.endsWith(".log")) await copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

async function restoreSmallFiles(kept: string, path: string): Promise<void> {
  for (const name of await readdir(path)) if (!name.endsWith(".log")) await rm(`${path}/${name}`);
  await copySmallFiles(kept, path);
}
