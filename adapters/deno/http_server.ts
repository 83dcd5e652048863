import { makeHttpServer } from "../http1/server.ts";
import { denoClock } from "./clock.ts";
import { denoNetwork } from "./network.ts";

/** Not `Deno.serve`: see `http1/server.ts`. */
export const denoHttpServer = makeHttpServer(denoNetwork, denoClock);
