/**
 * Runs a scenario once, then crashes it: after each effect, in each way, and again inside each recovery. This is the
 * product of issue "Nothing acknowledged is lost"; a sampled size of it is part of `npm test`.
 */
import { SimulatedRandom } from "../../adapters/simulation/random.ts";
import type { Volume } from "../../adapters/simulation/volume.ts";
import { checkObserved } from "./checkers/check_observed.ts";
import { crashImages } from "./crash_images.ts";
import type { CrashImage } from "./crash_images.ts";
import type { CrashPoint } from "./crash_point.ts";
import { drive } from "./crash_process.ts";
import { expectationOf } from "./expectation.ts";
import type { Expectation } from "./expectation.ts";
import { Recoveries } from "./recoveries.ts";
import type { Recovery } from "./recoveries.ts";
import type { Scenario } from "./scenario.ts";
import type { Ledger } from "./script.ts";

/** Violations that are kept as texts; the others are counted. */
const VIOLATIONS_KEPT = 10;
/** A second crash: the plain losses and so many random ones. */
const SECOND_RANDOM_LOSSES = 2;

export interface CrashRunOptions {
  readonly seed: number;
  /** Images tried at one crash point; `Infinity`: all. The kill is always one of them. */
  readonly imagesMax: number;
  /** One of so many images is crashed again after each effect of its recovery; the plain ones always when `imagesMax` is Infinity. */
  readonly secondCrashOneIn: number;
  readonly stopAtFirst?: boolean;
}

export interface CrashReport {
  readonly scenario: string;
  points: number;
  /** Images that were checked, those of second crashes too. */
  images: number;
  distinct: number;
  starts: number;
  violations: number;
  readonly texts: string[];
}

export async function runCrashes(scenario: Scenario, options: CrashRunOptions): Promise<CrashReport> {
  return await new CrashRun(scenario, options).run();
}

class CrashRun {
  readonly #scenario: Scenario;
  readonly #options: CrashRunOptions;
  readonly #report: CrashReport;
  readonly #random: SimulatedRandom;
  #recoveries!: Recoveries;
  #ledger: Ledger = [];

  constructor(scenario: Scenario, options: CrashRunOptions) {
    this.#scenario = scenario;
    this.#options = options;
    this.#random = new SimulatedRandom(options.seed).stream(scenario.name);
    this.#report = {
      scenario: scenario.name,
      points: 0,
      images: 0,
      distinct: 0,
      starts: 0,
      violations: 0,
      texts: [],
    };
  }

  async run(): Promise<CrashReport> {
    const { script, run } = this.#scenario.prepare(this.#options.seed);
    this.#recoveries = new Recoveries(script.opens);
    this.#ledger = script.ledger;
    try {
      await drive(script.scheduler, run());
    } catch (thrown) {
      this.#violated("the script", thrown instanceof Error ? thrown.stack ?? thrown.message : String(thrown));
    }
    script.recorder.endPoint();
    for (const point of script.recorder.points) {
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

  async #crashAt(point: CrashPoint): Promise<void> {
    const { effect, volume, told } = point;
    const expectation = expectationOf(this.#ledger.slice(0, told));
    const images = crashImages(volume, this.#random.stream(`point ${effect.number} ${effect.path}`));
    for (const image of this.#sampled(images)) {
      if (this.#isOver) return;
      const where = `after effect ${this.#report.points}, ${effect.operation} ${effect.path}, ${image.name}`;
      const crashed = image.make();
      const recovery = await this.#check(where, crashed, expectation);
      for (const fault of await this.#recoveries.followUp(crashed)) this.#violated(where, fault);
      if (this.#isCrashedAgain(image)) await this.#crashAgain(where, crashed, recovery, expectation);
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

  async #check(where: string, image: Volume, expectation: Expectation): Promise<Recovery> {
    this.#report.images += 1;
    const recovery = await this.#recoveries.of(image);
    if ("failure" in recovery) this.#violated(where, `it does not start: ${recovery.failure}`);
    else for (const fault of checkObserved(recovery.observed, expectation)) this.#violated(where, fault);
    return recovery;
  }

  /** I45: a crash after each effect of the recovery. After a kill the next one must find the same. */
  async #crashAgain(where: string, image: Volume, first: Recovery, expectation: Expectation): Promise<void> {
    const steps = await this.#recoveries.stepsOf(image);
    for (const [index, step] of steps.entries()) {
      const random = this.#random.stream(`${where} step ${index}`);
      const images = crashImages(step, random, SECOND_RANDOM_LOSSES).filter(({ name }) => !name.startsWith("change"));
      for (const second of images) {
        if (this.#isOver) return;
        const place = `${where}, then after effect ${index + 1} of ${steps.length} of the recovery, ${second.name}`;
        const found = await this.#check(place, second.make(), expectation);
        if (!second.isKill || "failure" in found || "failure" in first || found.text === first.text) continue;
        this.#violated(place, `I45: it finds ${found.text} where the first recovery found ${first.text}`);
      }
    }
  }

  #violated(where: string, text: string): void {
    this.#report.violations += 1;
    if (this.#report.texts.length < VIOLATIONS_KEPT) this.#report.texts.push(`${where}: ${text}`);
  }
}
