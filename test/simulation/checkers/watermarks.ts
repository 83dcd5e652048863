/** I24, I26: high watermark and log start never go back, and the log start moves only where somebody may move it. */
import type { PartitionModel } from "../model.ts";
import type { Checker } from "../observation.ts";
import { Violation } from "../observation.ts";

export const watermarks: Checker = (observation) => {
  const { partition } = observation;
  switch (observation.kind) {
    case "acknowledged": {
      const end = observation.first + observation.records.length;
      if (observation.isStrict) partition.strictEnd = Math.max(partition.strictEnd, end);
      return;
    }
    case "read": {
      const { before, highWatermark, logStart } = observation;
      if (highWatermark < Math.min(before.highWatermark, partition.highWatermark)) {
        throw new Violation(
          "I24",
          `${partition.name}: the high watermark was ${before.highWatermark} and is ${highWatermark}`,
        );
      }
      moveLogStart(partition, logStart, before.logStart, highWatermark);
      partition.highWatermark = Math.max(partition.highWatermark, highWatermark);
      if (partition.topic.isAlwaysFsync) partition.strictEnd = Math.max(partition.strictEnd, highWatermark);
      return;
    }
    case "out-of-range": {
      const { asked, earliest, tail, before } = observation;
      if (asked >= earliest && asked <= tail) {
        throw new Violation(
          "I25",
          `${partition.name}: offset ${asked} was refused although it holds ${earliest} to ${tail}`,
        );
      }
      if (asked > tail && asked <= before.strictEnd) {
        throw new Violation(
          "I18",
          `${partition.name} ends at ${tail}, and everything below ${before.strictEnd} was to last`,
        );
      }
      moveLogStart(partition, earliest, 0, tail);
      return;
    }
    case "whole":
      if (observation.end < partition.strictEnd && !partition.isDamaged) {
        throw new Violation(
          "I18",
          `${partition.name} ends at ${observation.end}, and everything below ${partition.strictEnd} was to last`,
        );
      }
      return;
  }
};

function moveLogStart(partition: PartitionModel, logStart: number, before: number, highWatermark: number): void {
  if (logStart < before) {
    throw new Violation("I26", `${partition.name}: the log start was ${before} and is ${logStart}`);
  }
  if (logStart > highWatermark) {
    throw new Violation(
      "I26",
      `${partition.name}: the log starts at ${logStart}, above the high watermark ${highWatermark}`,
    );
  }
  if (logStart > partition.trimAskedMax && !partition.topic.isRetained) {
    throw new Violation(
      "I26",
      `${partition.name}: the log starts at ${logStart}, and nobody trimmed beyond ${partition.trimAskedMax}`,
    );
  }
  partition.logStart = Math.max(partition.logStart, logStart);
}
