import { describeCompression } from "../conformance/compression.ts";
import { currentPlatform, currentRuntime } from "./current.ts";

describeCompression(currentRuntime, currentPlatform().compression);
