/**
 * The scrub as an oracle: what it tells of was damaged by the device, and at the end what `log verify` finds in cold
 * segments the scrub of the running broker had told before.
 */
import type { SentinelError } from "../../src/base/errors.ts";
import type { Broker } from "../../src/broker/broker.ts";
import { TREE_DIRECTORY } from "../../src/cluster/node_tree.ts";
import { OFFSETS_TOPIC } from "../../src/broker/internal_topics.ts";
import type { World } from "./world.ts";

/** Passes until everything that is cold now has been read: one may be under way. */
const PASSES = 2;
const PASSES_MS_MAX = 60_000;
/** Reads of what is not a whole piece come twice, and indexes come beside the batches. */
const READS_OF_BYTE_MAX = 3;

export class ScrubWatch {
  readonly #world: World;
  /** Files that the scrub of this life has told of. */
  readonly told = new Set<string>();
  /** What is offline when the scrub has read everything, as `topic-partition`: those have no cold files to it. */
  readonly #offline = new Set<string>();
  /** The segments that were cold then. */
  readonly #cold = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  /** The process is another one: it knows nothing. */
  begin(): void {
    this.told.clear();
    this.#offline.clear();
    this.#cold.clear();
  }

  onError({ message, facts }: SentinelError): void {
    const { file } = facts;
    if (!message.startsWith("The scrub found rot.") || typeof file !== "string") return;
    const { model, probes } = this.#world;
    this.told.add(file);
    if (file.endsWith("index")) {
      probes.sometimes("the scrub mended an index");
      if (!model.damagedIndexes.has(file)) this.#falseAlarm(message);
      return;
    }
    // Either may be an open that fails.
    const isDiskFailing = this.#world.hasFault("failed read") || this.#world.hasFault("failed write");
    if (message.includes("it cannot be read") && isDiskFailing) return;
    probes.sometimes("the scrub found rot");
    if (!model.damagedDirectories.has(directoryOf(file))) this.#falseAlarm(message);
  }

  #falseAlarm(message: string): void {
    this.#world.violate("I42", `nothing was damaged, and the scrub tells of it: ${message}`);
  }

  /** Waits until everything cold was read. */
  async complete(broker: Broker): Promise<void> {
    const world = this.#world;
    const { counters } = broker;
    const wanted = counters.scrubPasses + PASSES;
    const startUs = world.scheduler.nowUs;
    const names = [...broker.topicNames(), OFFSETS_TOPIC];
    const partitions = (name: string) => broker.describeTopic(name)?.partitions ?? [];
    const logBytes = names.flatMap(partitions).reduce((sum, partition) => sum + partition.bytes, 0);
    const bytes = logBytes + treeBytes(world);
    const readMs = PASSES * READS_OF_BYTE_MAX * bytes / world.configuration.scrubBytesPerSecond * 1_000;
    while (counters.scrubPasses < wanted && world.violation === null) {
      if (world.scheduler.nowUs - startUs > (PASSES_MS_MAX + readMs) * 1_000) {
        return world.violate("I52", "the scrub does not come to the end of a pass although nothing is wrong any more");
      }
      await world.sleep(500);
    }
    for (const name of names) {
      for (const { partition, offline } of partitions(name)) {
        if (offline !== undefined) this.#offline.add(`${name}-${partition}`);
      }
    }
    const logs = world.volume.filePaths().filter((path) => path.endsWith(".log")).sort();
    for (const [at, path] of logs.entries()) {
      if (logs[at + 1] !== undefined && directoryOf(logs[at + 1]!) === directoryOf(path)) this.#cold.add(path);
    }
  }

  /** `log verify` has found damage after the stop that followed. */
  compare(path: string, detail: string): void {
    if (!this.#cold.has(path) || this.#offline.has(directoryOf(path)) || this.told.has(path)) return;
    this.#world.violate("I44", `the scrub has read everything and did not tell of ${path}: ${detail}`);
  }
}

/** A tree keeps more than what its partitions have: what is superseded goes when it is merged. */
function treeBytes({ volume }: World): number {
  return volume.filePaths().filter((path) => path.includes(`/${TREE_DIRECTORY}/`)).reduce((sum, path) => {
    const node = volume.find(path);
    return sum + (node?.kind === "file" ? node.visible.sizeBytes : 0);
  }, 0);
}

function directoryOf(path: string): string {
  return path.split("/").at(-2)!;
}
