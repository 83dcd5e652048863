export { systemRandom as bunRandom } from "../node/random.ts";
