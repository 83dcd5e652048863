import type { HttpServer } from "../../src/platform/http_server.ts";
import { formatAddress } from "../node/address.ts";
import { platformError } from "../node/errors.ts";

export const bunHttpServer: HttpServer = {
  // deno-lint-ignore require-await
  async listen(address, handler, options) {
    let openRequests = 0;
    try {
      const server = Bun.serve({
        hostname: address.host,
        port: address.port,
        idleTimeout: Math.min(255, Math.ceil(options.idleMsMax / 1000)),
        maxRequestBodySize: options.bodyBytesMax,
        async fetch(request, server) {
          const peer = server.requestIP(request);
          openRequests++;
          try {
            return await handler(request, { peer: peer === null ? "" : formatAddress({ host: peer.address, port: peer.port }), keepOpen: () => server.timeout(request, 0) });
          } finally {
            openRequests--;
          }
        },
      });
      return {
        address: { host: address.host, port: server.port! },
        openRequests: () => openRequests,
        close: () => server.stop(false),
        stop: () => server.stop(true),
      };
    } catch (thrown) {
      throw platformError(thrown, "listen on", formatAddress(address));
    }
  },
};
