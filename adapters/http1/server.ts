/**
 * An HTTP/1.1 server over any `Network`. It exists since Deno's own server (`Deno.serve`) has no time-outs and no bounds:
 * slow heads, slow bodies and idle connections stay open for ever (measured), and nothing in its interface can end them.
 */
import type { Clock } from "../../src/platform/clock.ts";
import type { HttpListener, HttpServer } from "../../src/platform/http_server.ts";
import type { Network } from "../../src/platform/network.ts";
import { DateHeader } from "./answer.ts";
import { type ConnectionHost, HttpConnection } from "./connection.ts";

export function makeHttpServer(network: Network, clock: Clock): HttpServer {
  return {
    async listen(address, handler, options): Promise<HttpListener> {
      const connections = new Set<HttpConnection>();
      let onDrained: (() => void) | null = null;
      const host: ConnectionHost = {
        clock,
        date: new DateHeader(clock),
        handler,
        options,
        isStopping: false,
        openRequests: 0,
        onRequestEnd: () => {
          if (host.openRequests === 0) onDrained?.();
        },
      };
      const listener = await network.listen(address, async (socket) => {
        const connection = new HttpConnection(socket, host);
        connections.add(connection);
        await connection.serve();
        connections.delete(connection);
      });
      return {
        address: listener.address,
        openRequests: () => host.openRequests,
        close: () => listener.close(),
        async stop(deadlineMs) {
          host.isStopping = true;
          await listener.close();
          for (const connection of connections) connection.endAfterRequest();
          if (host.openRequests > 0) {
            await new Promise<void>((resolve) => {
              const cancel = clock.after(deadlineMs, resolve);
              onDrained = () => {
                cancel();
                resolve();
              };
            });
          }
          for (const connection of connections) connection.cut();
        },
      };
    },
  };
}
