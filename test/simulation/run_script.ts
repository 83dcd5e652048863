/** One run from its script to its outcome: the driver's loop, one event a macrotask. */
import type { Macrotask } from "../../adapters/simulation/scheduler.ts";
import type { TracedEvent } from "../../adapters/simulation/trace.ts";
import { ClientActor } from "./client_actor.ts";
import { finish, heal } from "./finale.ts";
import { GroupActor } from "./group_actor.ts";
import { Nemesis } from "./nemesis.ts";
import { Violation } from "./observation.ts";
import { Probes } from "./probes.ts";
import type { Script } from "./script.ts";
import { checkState } from "./state_checks.ts";
import { World } from "./world.ts";

export interface RunOutcome {
  readonly violation: Error | null;
  readonly events: number;
  readonly virtualMs: number;
  readonly traceHash: string;
  readonly probes: Probes;
  readonly decisions: ReadonlyMap<string, string>;
  readonly lastEvents: readonly TracedEvent[];
}

/** A run that goes on for so many events does not end by itself. */
const EVENTS_MAX = 5_000_000;
/** Virtual time that clients and faults have to come to their end once they are asked to. */
const ENDING_MS_MAX = 120_000;
const SHOWN_EVENTS = 40;

/** What went wrong outside of any promise that the world waits for; the process's own hook reports it here. */
export class StrayFailures {
  current: World | null = null;

  note(thrown: unknown): void {
    this.current?.fail(thrown);
  }
}

export async function runScript(script: Script, macrotask: Macrotask, stray: StrayFailures): Promise<RunOutcome> {
  const world = new World(script);
  stray.current = world;
  void world.guard(() => play(world));
  const { scheduler } = world;
  const { trace } = scheduler;
  await macrotask();
  while (!world.isDone && world.violation === null) {
    if (script.eventsMax > 0 && trace.count >= script.eventsMax) world.isEnding = true;
    if (!scheduler.step()) {
      world.violate("I52", "nothing happens any more, and the run is not over");
      break;
    }
    await macrotask();
    world.check(checkState);
    if (trace.count > EVENTS_MAX) world.violate("I52", `${EVENTS_MAX} events, and no end`);
  }
  stray.current = null;
  world.node.process?.halt(0);
  return {
    violation: world.violation,
    events: trace.count,
    virtualMs: Math.floor(scheduler.nowUs / 1_000),
    traceHash: trace.hash,
    probes: world.probes,
    decisions: world.decisions,
    lastEvents: world.violation === null ? [] : trace.last(SHOWN_EVENTS),
  };
}

async function play(world: World): Promise<void> {
  const { configuration } = world;
  world.node.start();
  if (!await world.node.isUp(60_000)) throw new Violation("I52", "the broker does not start on an empty disk");
  const actors = Array.from({ length: configuration.clients }, (_, index) => new ClientActor(world, index));
  const members = Array.from({ length: configuration.groupMembers }, (_, index) => new GroupActor(world, index));
  let running = actors.length + members.length + 1;
  const one = (work: () => Promise<void>): void => {
    void world.guard(async () => {
      await work();
      running -= 1;
    });
  };
  for (const actor of [...actors, ...members]) one(() => actor.run());
  one(() => new Nemesis(world).run());
  for (let passedMs = 0; passedMs < configuration.durationMs && !world.isEnding; passedMs += 100) {
    await world.sleep(100);
  }
  world.isEnding = true;
  heal(world);
  for (let passedMs = 0; running > 0; passedMs += 100) {
    if (passedMs > ENDING_MS_MAX) {
      throw new Violation("I52", `${running} of the world's actors do not come to their end`);
    }
    await world.sleep(100);
  }
  await finish(world, new ClientActor(world, actors.length));
  world.isDone = true;
}
