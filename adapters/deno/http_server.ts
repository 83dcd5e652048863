import type { HttpServer } from "../../src/platform/http_server.ts";
import { formatAddress } from "../node/address.ts";
import { platformError } from "../node/errors.ts";

export const denoHttpServer: HttpServer = {
  // deno-lint-ignore require-await
  async listen(address, handler) {
    let openRequests = 0;
    try {
      const server = Deno.serve({
        hostname: address.host,
        port: address.port,
        onListen: () => {},
      }, async (request, info) => {
        openRequests++;
        try {
          return await handler(request, { peer: formatAddress({ host: info.remoteAddr.hostname, port: info.remoteAddr.port }), keepOpen: () => {} });
        } finally {
          openRequests--;
        }
      });
      return {
        address: { host: address.host, port: server.addr.port },
        openRequests: () => openRequests,
        close: () => server.shutdown(),
        stop: () => server.shutdown(),
      };
    } catch (thrown) {
      throw platformError(thrown, "listen on", formatAddress(address));
    }
  },
};
