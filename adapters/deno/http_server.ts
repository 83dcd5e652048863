import { makeHttpServer } from "../node/http_server.ts";
import { denoClock } from "./clock.ts";

/** Not `Deno.serve`: see `node/http_server.ts`. */
export const denoHttpServer = makeHttpServer(denoClock);
