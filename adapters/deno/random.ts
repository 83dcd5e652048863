export { systemRandom as denoRandom } from "../node/random.ts";
