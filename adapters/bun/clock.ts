export { systemClock as bunClock } from "../node/clock.ts";
