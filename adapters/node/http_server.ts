/**
 * The HTTP server over `node:http`: what reads and writes HTTP/1.1 is the runtime's. It is not `Deno.serve`, which has no
 * time-outs and no bounds: slow heads, slow bodies and idle connections stay open for ever (measured, Deno 2.9.6), and
 * nothing in its interface can end them. Left to us: one request of a connection at a time, the bounds of a body, and
 * connections that end as they should.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Clock } from "../../src/platform/clock.ts";
import { Deadlines } from "./deadlines.ts";
import type { HttpListener, HttpServer, HttpServerOptions } from "../../src/platform/http_server.ts";
import type { Address } from "../../src/platform/network.ts";
import { formatAddress } from "./address.ts";
import { platformError } from "./errors.ts";
import { type Handler, HttpConnection, refuseConnection } from "./http_connection.ts";

/** How often node looks for heads and bodies that are late, as a part of the shortest time that one may take. */
const CHECKS_PER_TIMEOUT = 10;
const CHECK_MS_MAX = 1_000;

export function makeHttpServer(clock: Clock): HttpServer {
  return {
    async listen(address, handler, options): Promise<HttpListener> {
      const server = await listen(address, options);
      return serve(server, address.host, clock, handler, options);
    },
  };
}

function listen(address: Address, options: HttpServerOptions): Promise<Server> {
  const server = createServer({
    headersTimeout: options.headerMsMax,
    // Of the request as a whole. A body that the handler reads piece by piece has its own time, which ends before.
    requestTimeout: options.headerMsMax + options.bodyMsMax,
    keepAliveTimeout: options.idleMsMax,
    connectionsCheckingInterval: Math.min(CHECK_MS_MAX, Math.ceil(options.headerMsMax / CHECKS_PER_TIMEOUT)),
    maxHeaderSize: options.headerBytesMax,
    noDelay: true,
  });
  // Above a count of headers node drops the others without a word. Their bytes are bounded, so they need no count.
  server.maxHeadersCount = 0;
  server.maxConnections = options.connectionsMax;
  server.setTimeout(options.idleMsMax);
  return new Promise((resolve, reject) => {
    server.once("error", (thrown) => reject(platformError(thrown, "listen on", formatAddress(address))));
    server.listen(address.port, address.host, () => resolve(server));
  });
}

function serve(
  server: Server,
  host: string,
  clock: Clock,
  handler: Handler,
  options: HttpServerOptions,
): HttpListener {
  const connections = new Map<Socket, HttpConnection>();
  let openRequests = 0;
  let isStopping = false;
  let onDrained: (() => void) | null = null;
  const shared = {
    clock,
    bodyDeadlines: new Deadlines(clock, options.bodyMsMax),
    handler,
    options,
    isStopping: () => isStopping,
    onRequest: () => openRequests++,
    onRequestEnd: () => {
      openRequests--;
      if (openRequests === 0) onDrained?.();
    },
  };
  // A failed accept (a peer that left again, no descriptor for it) is not the listener's end.
  server.on("error", () => {});
  server.on("connection", (socket: Socket) => {
    connections.set(socket, new HttpConnection(socket, shared));
    socket.once("close", () => connections.delete(socket));
  });
  server.on("request", (incoming: IncomingMessage, outgoing: ServerResponse) => {
    connections.get(incoming.socket)?.take(incoming, outgoing);
  });
  server.on("clientError", (error: Error & { code?: string }, socket: Socket) => {
    const connection = connections.get(socket);
    if (connection === undefined || !connection.mayRefuse()) socket.destroy();
    else refuseConnection(socket, error.code);
  });
  return {
    address: { host, port: (server.address() as AddressInfo).port },
    openRequests: () => openRequests,
    close() {
      server.close();
      return Promise.resolve();
    },
    async stop(deadlineMs) {
      isStopping = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // Not `closeIdleConnections`: it does not know those that never sent a request.
      for (const connection of connections.values()) connection.endIfIdle();
      if (openRequests > 0) {
        await new Promise<void>((resolve) => {
          const cancel = clock.after(deadlineMs, resolve);
          onDrained = () => {
            cancel();
            resolve();
          };
        });
      }
      for (const socket of connections.keys()) socket.destroy();
      await closed;
    },
  };
}
