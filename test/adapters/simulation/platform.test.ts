/** The simulated world keeps the contracts of the real ones: the same suites. */
import { SimulatedClock } from "../../../adapters/simulation/clock.ts";
import { immediateMacrotask } from "../../../adapters/simulation/macrotask.ts";
import { SimulatedNetworks } from "../../../adapters/simulation/network.ts";
import { SimulatedRandom } from "../../../adapters/simulation/random.ts";
import { runLive, Scheduler } from "../../../adapters/simulation/scheduler.ts";
import { describeClock } from "../../conformance/clock.ts";
import { describeNetwork } from "../../conformance/network.ts";
import { describeRandom } from "../../conformance/random.ts";

const random = new SimulatedRandom(1);
const scheduler = new Scheduler();
runLive(scheduler, immediateMacrotask);

describeClock("simulation", new SimulatedClock(scheduler));
describeRandom("simulation", random.stream("test"));
describeNetwork("simulation", new SimulatedNetworks(scheduler, random.stream("network")).host("127.0.0.1"));
describeNetwork(
  "simulation with small segments",
  new SimulatedNetworks(scheduler, random.stream("small"), {
    delayUsMin: 10,
    slowOneIn: 20,
    slowUs: 1_000,
    segmentBytesMax: 20_000,
  }).host("127.0.0.1"),
);
