import { describeHalfClose } from "../conformance/half_close.ts";
import { describeNetwork } from "../conformance/network.ts";
import { currentPlatform, currentRuntime } from "./current.ts";

describeNetwork(currentRuntime, currentPlatform().network);
describeHalfClose(currentRuntime, currentPlatform().network);
