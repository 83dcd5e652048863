/**
 * Crashes what a scenario did: after each effect, in each way, and again inside each recovery. What is checked of a
 * recovery is the subject's to say; what of it must be the same after a second crash is its text.
 */
import { SimulatedRandom } from "../../adapters/simulation/random.ts";
import type { Scheduler } from "../../adapters/simulation/scheduler.ts";
import type { Volume } from "../../adapters/simulation/volume.ts";
import { crashImages } from "./crash_images.ts";
import type { CrashImage } from "./crash_images.ts";
import type { CrashPoint, CrashPointRecorder } from "./crash_point.ts";
import { drive } from "./crash_process.ts";

/** Violations that are kept as texts; the others are counted. */
const VIOLATIONS_KEPT = 10;
const TEXT_CHARS_MAX = 2_000;
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

/** What a start over an image found: a text of all of it, or why there is none. */
type Outcome = { readonly text: string } | { readonly failure: string };

/** A scenario that is about to run, and what is asked of the starts over its images. */
export interface CrashSubject<Recovery extends Outcome, Expectation> {
  readonly scheduler: Scheduler;
  readonly recorder: CrashPointRecorder;
  readonly run: () => Promise<void>;
  readonly recoveries: {
    readonly distinct: number;
    readonly starts: number;
    of(image: Volume): Promise<Recovery>;
    stepsOf(image: Volume): Promise<Volume[]>;
    followUp(image: Volume): Promise<string[]>;
  };
  /** What must be, when so much of the ledger was told. */
  expectationOf(told: number): Expectation;
  /** What is wrong with a start, which may have found nothing. */
  faultsOf(recovery: Recovery, expectation: Expectation): readonly string[];
}

export async function crashEverywhere<Recovery extends Outcome, Expectation>(
  scenario: string,
  subject: CrashSubject<Recovery, Expectation>,
  options: CrashRunOptions,
): Promise<CrashReport> {
  return await new CrashProduct(scenario, subject, options).run();
}

class CrashProduct<Recovery extends Outcome, Expectation> {
  readonly #subject: CrashSubject<Recovery, Expectation>;
  readonly #options: CrashRunOptions;
  readonly #report: CrashReport;
  readonly #random: SimulatedRandom;

  constructor(scenario: string, subject: CrashSubject<Recovery, Expectation>, options: CrashRunOptions) {
    this.#subject = subject;
    this.#options = options;
    this.#random = new SimulatedRandom(options.seed).stream(scenario);
    this.#report = { scenario, points: 0, images: 0, distinct: 0, starts: 0, violations: 0, texts: [] };
  }

  async run(): Promise<CrashReport> {
    const { scheduler, recorder, recoveries, run } = this.#subject;
    try {
      await drive(scheduler, run());
    } catch (thrown) {
      this.#violated("the script", thrown instanceof Error ? thrown.stack ?? thrown.message : String(thrown));
    }
    recorder.endPoint();
    for (const point of recorder.points) {
      if (this.#isOver) break;
      this.#report.points += 1;
      await this.#crashAt(point);
    }
    this.#report.distinct = recoveries.distinct;
    this.#report.starts = recoveries.starts;
    return this.#report;
  }

  get #isOver(): boolean {
    return this.#options.stopAtFirst === true && this.#report.violations > 0;
  }

  async #crashAt({ effect, volume, told }: CrashPoint): Promise<void> {
    const expectation = this.#subject.expectationOf(told);
    const images = crashImages(volume, this.#random.stream(`point ${effect.number} ${effect.path}`));
    for (const image of this.#sampled(images)) {
      if (this.#isOver) return;
      const where = `after effect ${this.#report.points}, ${effect.operation} ${effect.path}, ${image.name}`;
      const crashed = image.make();
      const recovery = await this.#check(where, crashed, expectation);
      for (const fault of await this.#subject.recoveries.followUp(crashed)) this.#violated(where, fault);
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
    const recovery = await this.#subject.recoveries.of(image);
    if ("failure" in recovery) this.#violated(where, `it does not start: ${recovery.failure}`);
    for (const fault of this.#subject.faultsOf(recovery, expectation)) this.#violated(where, fault);
    return recovery;
  }

  /** I45: a crash after each effect of the recovery. After a kill the next one must find the same. */
  async #crashAgain(where: string, image: Volume, first: Recovery, expectation: Expectation): Promise<void> {
    const steps = await this.#subject.recoveries.stepsOf(image);
    for (const [index, step] of steps.entries()) {
      const random = this.#random.stream(`${where} step ${index}`);
      const images = crashImages(step, random, SECOND_RANDOM_LOSSES).filter(({ name }) => !name.startsWith("change"));
      for (const second of images) {
        if (this.#isOver) return;
        const place = `${where}, then after effect ${index + 1} of ${steps.length} of the recovery, ${second.name}`;
        const found = await this.#check(place, second.make(), expectation);
        if (!second.isKill || "failure" in found || "failure" in first || found.text === first.text) continue;
        this.#violated(
          place,
          `I45: it finds ${found.text} where the first recovery found ${first.text}`.slice(0, TEXT_CHARS_MAX),
        );
      }
    }
  }

  #violated(where: string, text: string): void {
    this.#report.violations += 1;
    if (this.#report.texts.length < VIOLATIONS_KEPT) this.#report.texts.push(`${where}: ${text}`);
  }
}
