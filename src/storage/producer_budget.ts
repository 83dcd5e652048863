import { LIMITS } from "../base/limits.ts";

/** How many producers all partitions of a broker know together. */
export class ProducerBudget {
  producers = 0;

  get isFull(): boolean {
    return this.producers >= LIMITS.brokerProducersMax;
  }
}
