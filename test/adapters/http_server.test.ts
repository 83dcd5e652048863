import { describeHttpServer } from "../conformance/http_server.ts";
import { describeHttpServerTimes } from "../conformance/http_server_times.ts";
import { currentPlatform, currentRuntime } from "./current.ts";

const { httpServer } = currentPlatform();
describeHttpServer(currentRuntime, { httpServer, countsConnections: currentRuntime === "deno" });
// Bun's server cuts a head after its own 12 s.
describeHttpServerTimes(currentRuntime, { httpServer, headerCutMsMax: currentRuntime === "bun" ? 20_000 : 6_000 });
