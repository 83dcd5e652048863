import { makeHttpServer } from "../../../adapters/http1/server.ts";
import { describeHttpServer } from "../../conformance/http_server.ts";
import { currentPlatform } from "../current.ts";

const platform = currentPlatform();
describeHttpServer("http1", { httpServer: makeHttpServer(platform.network, platform.clock), headerCutMsMax: 6_000 });
