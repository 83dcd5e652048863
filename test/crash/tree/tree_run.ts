/** Runs a tree's scenario once, then crashes it: after each effect, in each way, and again inside each recovery. */
import { SimulatedRandom } from "../../../adapters/simulation/random.ts";
import type { Volume } from "../../../adapters/simulation/volume.ts";
import { crashImages } from "../crash_images.ts";
import type { CrashImage } from "../crash_images.ts";
import type { CrashPoint } from "../crash_point.ts";
import { drive } from "../crash_process.ts";
import type { CrashReport, CrashRunOptions } from "../crash_run.ts";
import { shortened, statesAfter } from "./tree_expectation.ts";
import { TreeRecoveries } from "./tree_recoveries.ts";
import type { TreeRecovery } from "./tree_recoveries.ts";
import type { TreeScript } from "./tree_script.ts";

const VIOLATIONS_KEPT = 10;
const SECOND_RANDOM_LOSSES = 2;

export interface TreeScenario {
  readonly name: string;
  readonly prepare: (seed: number) => { readonly script: TreeScript; readonly run: () => Promise<void> };
}

export async function runTreeCrashes(scenario: TreeScenario, options: CrashRunOptions): Promise<CrashReport> {
  return await new TreeRun(scenario, options).run();
}

class TreeRun {
  readonly #options: CrashRunOptions;
  readonly #report: CrashReport;
  readonly #random: SimulatedRandom;
  readonly #script: TreeScript;
  readonly #run: () => Promise<void>;
  readonly #recoveries: TreeRecoveries;

  constructor(scenario: TreeScenario, options: CrashRunOptions) {
    const { script, run } = scenario.prepare(options.seed);
    this.#options = options;
    this.#script = script;
    this.#run = run;
    this.#random = new SimulatedRandom(options.seed).stream(scenario.name);
    this.#recoveries = new TreeRecoveries(script.settings);
    this.#report = { scenario: scenario.name, points: 0, images: 0, distinct: 0, starts: 0, violations: 0, texts: [] };
  }

  async run(): Promise<CrashReport> {
    const { scheduler, recorder } = this.#script;
    try {
      await drive(scheduler, this.#run());
    } catch (thrown) {
      this.#violated("the script", thrown instanceof Error ? thrown.stack ?? thrown.message : String(thrown));
    }
    recorder.endPoint();
    for (const point of recorder.points) {
      if (this.#isOver) break;
      this.#report.points += 1;
      await this.#crashAt(point);
    }
    this.#report.distinct = this.#recoveries.distinct;
    this.#report.starts = this.#recoveries.starts;
    return this.#report;
  }

  get #isOver(): boolean {
    return this.#options.stopAtFirst === true && this.#report.violations > 0;
  }

  async #crashAt({ effect, volume, told }: CrashPoint): Promise<void> {
    const states = statesAfter(this.#script.ledger.slice(0, told));
    const images = crashImages(volume, this.#random.stream(`point ${effect.number} ${effect.path}`));
    for (const image of this.#sampled(images)) {
      if (this.#isOver) return;
      const where = `after effect ${this.#report.points}, ${effect.operation} ${effect.path}, ${image.name}`;
      const crashed = image.make();
      const recovery = await this.#check(where, crashed, states);
      for (const fault of await this.#recoveries.followUp(crashed)) this.#violated(where, fault);
      if (this.#isCrashedAgain(image)) await this.#crashAgain(where, crashed, recovery, states);
    }
  }

  #sampled(images: readonly CrashImage[]): readonly CrashImage[] {
    const { imagesMax } = this.#options;
    if (images.length <= imagesMax) return images;
    const [kill, ...others] = images;
    const chosen = [kill!];
    while (chosen.length < imagesMax) chosen.push(...others.splice(this.#random.below(others.length), 1));
    return chosen;
  }

  #isCrashedAgain(image: CrashImage): boolean {
    const { imagesMax, secondCrashOneIn } = this.#options;
    const isPlain = image.isKill || image.name.startsWith("all");
    return (imagesMax === Infinity && isPlain) || this.#random.chance(1, secondCrashOneIn);
  }

  async #check(where: string, image: Volume, states: ReadonlySet<string>): Promise<TreeRecovery> {
    this.#report.images += 1;
    const recovery = await this.#recoveries.of(image);
    for (const { path, detail } of recovery.scrubbed) {
      this.#violated(where, `I42: nothing was damaged, and the scrub tells of ${path}: ${detail}`);
    }
    if ("failure" in recovery) this.#violated(where, `it does not start: ${recovery.failure}`);
    else {
      for (const fault of recovery.faults) this.#violated(where, fault);
      if (!states.has(recovery.text)) {
        this.#violated(where, `I37: it finds ${shortened(recovery.text)}, none of ${states.size} states that may be`);
      }
    }
    return recovery;
  }

  /** I45: a crash after each effect of the recovery. After a kill the next one must find the same. */
  async #crashAgain(where: string, image: Volume, first: TreeRecovery, states: ReadonlySet<string>): Promise<void> {
    const steps = await this.#recoveries.stepsOf(image);
    for (const [index, step] of steps.entries()) {
      const random = this.#random.stream(`${where} step ${index}`);
      const images = crashImages(step, random, SECOND_RANDOM_LOSSES).filter(({ name }) => !name.startsWith("change"));
      for (const second of images) {
        if (this.#isOver) return;
        const place = `${where}, then after effect ${index + 1} of ${steps.length} of the recovery, ${second.name}`;
        const found = await this.#check(place, second.make(), states);
        if (!second.isKill || "failure" in found || "failure" in first || found.text === first.text) continue;
        this.#violated(place, `I45: it finds ${shortened(found.text)}, the first recovery ${shortened(first.text)}`);
      }
    }
  }

  #violated(where: string, text: string): void {
    this.#report.violations += 1;
    if (this.#report.texts.length < VIOLATIONS_KEPT) this.#report.texts.push(`${where}: ${text}`);
  }
}
