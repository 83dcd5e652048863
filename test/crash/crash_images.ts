/** What a crash may leave of a disk: the images that are tried at one moment. */
import { afterPowerLoss, pendingSequences } from "../../adapters/simulation/power_loss.ts";
import type { PowerLoss } from "../../adapters/simulation/power_loss.ts";
import type { SimulatedRandom } from "../../adapters/simulation/random.ts";
import type { Volume } from "../../adapters/simulation/volume.ts";

/** Half of them lose names as a journal does, from some moment on; the others lose any. */
const RANDOM_LOSSES = 20;

export interface CrashImage {
  readonly name: string;
  /** The process died and the machine did not: nothing that was visible is lost. */
  readonly isKill: boolean;
  readonly make: () => Volume;
}

/** The kill, the three plain losses of a power cut, and each pending change lost alone, and random ones. */
export function crashImages(volume: Volume, random: SimulatedRandom, randomLosses = RANDOM_LOSSES): CrashImage[] {
  const losses: [string, PowerLoss][] = [
    ["all lost", { kind: "all-lost" }],
    ["all kept", { kind: "all-kept" }],
    ...pendingSequences(volume).map((sequence, index): [string, PowerLoss] => [
      `change ${sequence} lost`,
      { kind: "one-lost", index },
    ]),
    ...Array.from({ length: randomLosses }, (_, number): [string, PowerLoss] => [
      `random loss ${number}`,
      { kind: "random", random: random.stream(String(number)), names: number % 2 === 0 ? "prefix" : "subset" },
    ]),
  ];
  return [
    { name: "kill", isKill: true, make: () => volume.copy() },
    ...losses.map(([name, loss]) => ({ name, isKill: false, make: () => afterPowerLoss(volume, loss) })),
  ];
}
