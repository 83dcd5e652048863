/** Starts over images, each distinct image once. */
import { afterPowerLoss } from "../../adapters/simulation/power_loss.ts";
import type { Volume } from "../../adapters/simulation/volume.ts";
import { settled, startCrashProcess } from "./crash_process.ts";
import { indexFaults } from "./index_files.ts";
import { textOfObserved } from "./observed.ts";
import type { Observed } from "./observed.ts";
import { messageOf } from "./subject.ts";
import type { OpensSubject, OpenSubject } from "./subject.ts";

const ROOM_BYTES = 2 ** 40;

/** What a start over an image finds, or why it does not start. */
export type Recovery = { readonly observed: Observed; readonly text: string } | { readonly failure: string };

export class Recoveries {
  readonly #opens: OpensSubject;
  readonly #byHash = new Map<string, Recovery>();
  readonly #followed = new Set<string>();
  /** Starts that were run. */
  starts = 0;

  constructor(opens: OpensSubject) {
    this.#opens = opens;
  }

  /** Distinct images so far. */
  get distinct(): number {
    return this.#byHash.size;
  }

  /** What a start over this image finds. The image is left alone. */
  async of(image: Volume): Promise<Recovery> {
    const hash = image.hash();
    const known = this.#byHash.get(hash);
    if (known !== undefined) return known;
    const { recovery } = await this.#start(image.copy());
    this.#byHash.set(hash, recovery);
    return recovery;
  }

  /** The disk after a start over this image and a clean stop. */
  async cleanlyStopped(image: Volume): Promise<Volume> {
    const volume = image.copy();
    const { recovery } = await this.#start(volume, undefined, (subject) => subject.close());
    if ("failure" in recovery) throw new Error(`It does not start: ${recovery.failure}`);
    return volume;
  }

  /** What is wrong with the answers when clients go on after a start over this image. */
  async appendFaults(image: Volume): Promise<string[]> {
    const faults: string[] = [];
    await this.#start(image.copy(), undefined, async (subject) => {
      faults.push(...await subject.append());
    });
    return faults;
  }

  /** The disk after each effect of the start over this image. */
  async stepsOf(image: Volume): Promise<Volume[]> {
    const volume = image.copy();
    const steps: Volume[] = [];
    await this.#start(volume, () => void steps.push(volume.copy()));
    return steps;
  }

  /**
   * Goes on after the start over this image: what was served must outlive a power loss (I45), the log takes records, a
   * clean stop leaves true indexes (I42), and the start after it finds the same. Texts of what is wrong; once for each
   * distinct image.
   */
  async followUp(image: Volume): Promise<string[]> {
    const hash = image.hash();
    if (this.#followed.has(hash)) return [];
    this.#followed.add(hash);
    const first = image.copy();
    const { recovery } = await this.#start(first);
    // What did not start is told by whoever asked for the recovery.
    if ("failure" in recovery) return [];
    const second = afterPowerLoss(first, { kind: "all-lost" });
    // A full disk takes no record and no index; what a start makes of it was seen above.
    second.capacityBytes = ROOM_BYTES;
    const faults: string[] = [];
    const { recovery: next } = await this.#start(second, undefined, async (subject) => {
      faults.push(...await subject.append());
    });
    if ("failure" in next) return [`I45: it does not start after a power loss behind its recovery: ${next.failure}`];
    if (next.text !== recovery.text) {
      faults.push(`I45: after a power loss ${next.text} where ${recovery.text} was served`);
    }
    faults.push(...await this.#cleanStop(second));
    return faults;
  }

  /** A clean stop of a new process over this disk, and the start after it. */
  async #cleanStop(volume: Volume): Promise<string[]> {
    const { recovery: before } = await this.#start(volume, undefined, (subject) => subject.close());
    if ("failure" in before) return [`I45: it does not start after an append: ${before.failure}`];
    const { recovery: after } = await this.#start(afterPowerLoss(volume, { kind: "all-lost" }));
    if ("failure" in after) return [`I45: it does not start after a clean stop: ${after.failure}`];
    const faults = before.text === after.text ? [] : [`I45: after a clean stop ${after.text} where ${before.text} was`];
    return [...faults, ...indexFaults(volume)];
  }

  /** One process from its start to its death; `then` works with it after it was looked at. */
  async #start(
    volume: Volume,
    onEffect?: () => void,
    then: (subject: OpenSubject) => Promise<void> = async () => {},
  ): Promise<{ recovery: Recovery }> {
    this.starts += 1;
    const process = startCrashProcess(volume, onEffect === undefined ? {} : { onEffect });
    try {
      return await settled((async () => {
        const subject = await this.#opens(process.platform);
        const observed = await subject.observe();
        await then(subject);
        return { recovery: { observed, text: textOfObserved(observed) } };
      })());
    } catch (thrown) {
      return { recovery: { failure: messageOf(thrown) } };
    } finally {
      process.halt();
    }
  }
}
