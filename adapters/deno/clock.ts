export { systemClock as denoClock } from "../node/clock.ts";
