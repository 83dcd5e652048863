import { describeRandom } from "../conformance/random.ts";
import { currentPlatform, currentRuntime } from "./current.ts";

describeRandom(currentRuntime, currentPlatform().random);
