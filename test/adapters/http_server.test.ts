import { describeHttpServer } from "../conformance/http_server.ts";
import { currentPlatform, currentRuntime } from "./current.ts";

// Bun's server cuts a head after its own 12 s.
describeHttpServer(currentRuntime, {
  httpServer: currentPlatform().httpServer,
  headerCutMsMax: currentRuntime === "bun" ? 20_000 : 6_000,
});
