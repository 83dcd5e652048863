export { nodeCompression as denoCompression } from "../node/compression.ts";
