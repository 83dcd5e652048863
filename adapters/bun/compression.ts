export { nodeCompression as bunCompression } from "../node/compression.ts";
