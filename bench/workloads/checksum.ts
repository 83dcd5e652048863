/** `crc32c`: the checksum of batches as large as those of native-produce, beside a copy of the same bytes. */
import { crc32c } from "../../src/bytes/crc32c.ts";
import { makeBatch } from "../payloads.ts";
import { compareInRounds } from "../rounds.ts";
import { type BenchContext, besideFigure, type Workload } from "../workload.ts";

/** More than the caches of a core hold together, as what comes from a socket or a file. */
const BUFFERS = 256;

export const checksum: Workload = {
  name: "crc32c",
  summary: "the checksum of batches of 107 kB; beside a copy of the same bytes",
  async run(context) {
    const template = makeBatch(1_000, 100);
    const buffers = Array.from({ length: context.isSmoke ? 4 : BUFFERS }, () => template.bytes.slice());
    const copy = new Uint8Array(template.sizeBytes);
    const turns = context.isSmoke ? 1 : 20;
    const comparison = await compareInRounds(
      context.isSmoke ? 1 : 7,
      () => gbPerSecond(context, buffers, turns, (bytes) => copy.set(bytes)),
      () =>
        gbPerSecond(context, buffers, turns, (bytes) => {
          if (crc32c(bytes, 21) !== template.crc) throw new Error("The checksum is wrong");
        }),
    );
    return [besideFigure({ workload: "crc32c", figure: "gb_per_s", unit: "GB/s", beside: "copy" }, comparison)];
  },
};

function gbPerSecond(
  { platform }: BenchContext,
  buffers: readonly Uint8Array[],
  turns: number,
  work: (bytes: Uint8Array) => void,
): Promise<number> {
  const startMs = platform.clock.monotonicMs();
  for (let turn = 0; turn < turns; turn++) for (const bytes of buffers) work(bytes);
  const elapsedMs = platform.clock.monotonicMs() - startMs;
  return Promise.resolve(turns * buffers.length * buffers[0]!.length / elapsedMs / 1_000_000);
}
