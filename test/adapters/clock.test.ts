import { describeClock } from "../conformance/clock.ts";
import { currentPlatform, currentRuntime } from "./current.ts";

describeClock(currentRuntime, currentPlatform().clock);
