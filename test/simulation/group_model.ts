/** What the members of the simulated group were told, and what therefore must hold (I29, I30). */
import { Violation } from "./observation.ts";

export const GROUP = "readers";
export const GROUP_TOPIC = "group.topic";
export const GROUP_PARTITIONS = 3;

/** What was known when a request was sent: its answer may not be older. */
export interface GroupMoment {
  readonly epoch: number;
  readonly generation: number;
  readonly acknowledged: ReadonlyMap<number, number>;
}

export class GroupModel {
  /** Rises when all that was told may be gone: without fsync a start may find less. */
  #epoch = 0;
  #generation = 0;
  /** Generation to partition to the member that was given it. */
  #owners = new Map<number, Map<number, string>>();
  #acknowledged = new Map<number, number>();
  readonly #asked = new Map<number, number>();

  get moment(): GroupMoment {
    return { epoch: this.#epoch, generation: this.#generation, acknowledged: new Map(this.#acknowledged) };
  }

  /** A start that may have lost what was not synced. */
  forget(): void {
    this.#epoch += 1;
    this.#generation = 0;
    this.#owners = new Map();
    this.#acknowledged = new Map();
  }

  /** A member was given partitions. */
  own(member: string, generation: number, partitions: readonly number[], before: GroupMoment): void {
    if (before.epoch !== this.#epoch) return;
    if (generation < before.generation) {
      throw new Violation("I29", `${member} got generation ${generation} after ${before.generation} was given out`);
    }
    let owners = this.#owners.get(generation);
    if (owners === undefined) this.#owners.set(generation, owners = new Map());
    for (const partition of partitions) {
      const owner = owners.get(partition) ?? member;
      if (owner !== member) {
        throw new Violation("I29", `partition ${partition} in generation ${generation} is ${owner}'s and ${member}'s`);
      }
      owners.set(partition, member);
    }
    this.#generation = Math.max(this.#generation, generation);
  }

  /** A commit is sent: it may take effect from now on. */
  ask(partition: number, offset: number): void {
    this.#asked.set(partition, Math.max(this.#asked.get(partition) ?? 0, offset));
  }

  acknowledge(partition: number, offset: number, generation: number, before: GroupMoment): void {
    if (before.epoch !== this.#epoch) return;
    if (generation < before.generation) {
      throw new Violation("I30", `a commit of generation ${generation} was taken after ${before.generation} had begun`);
    }
    this.#acknowledged.set(partition, Math.max(this.#acknowledged.get(partition) ?? 0, offset));
  }

  /** A reader was shown a position: it stays. */
  show(partition: number, offset: number | null, before: GroupMoment): void {
    if (before.epoch !== this.#epoch) return;
    const least = before.acknowledged.get(partition) ?? 0;
    const most = this.#asked.get(partition) ?? 0;
    if ((offset ?? 0) < least || (offset ?? 0) > most) {
      throw new Violation("I30", `partition ${partition} is at ${offset}, committed were ${least} to ${most}`);
    }
    if (offset !== null) this.#acknowledged.set(partition, Math.max(this.#acknowledged.get(partition) ?? 0, offset));
  }
}
