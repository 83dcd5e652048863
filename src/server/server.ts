/**
 * One broker process: the order in which its parts start and stop.
 *
 * Start: data directory → recovery → listeners → ready; a request never meets a broker that does not know its topics.
 * Stop: no new connections → waits end → requests in work finish, or are cut at the deadline (seed-V3) → logs are
 * synced and marked clean → the directory is free. What was acknowledged is on disk long before (seed-V1).
 */
import type { SentinelError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { BufferPool } from "../bytes/buffer_pool.ts";
import type { OpenReport } from "../broker/topics.ts";
import { Broker } from "../broker/broker.ts";
import type { BrokerApi } from "../broker/broker_api.ts";
import { createHttpApp } from "../http/app.ts";
import type { HttpApp } from "../http/app.ts";
import type { HttpListener } from "../platform/http_server.ts";
import type { Address } from "../platform/network.ts";
import type { Platform } from "../platform/platform.ts";
import { FetchSessions } from "../protocols/kafka/fetch_sessions.ts";
import type { KafkaServices } from "../protocols/kafka/handler.ts";
import { HandlerRegistry } from "../protocols/kafka/handler_registry.ts";
import { KAFKA_HANDLERS } from "../protocols/kafka/handlers.ts";
import { KafkaSession } from "../protocols/kafka/kafka_session.ts";
import { NativeSession } from "../protocols/native/native_session.ts";
import { ByteBudget } from "./byte_budget.ts";
import { BinaryListener } from "./binary_listener.ts";
import { assertMayAdvertise, assertMayListen, isLoopbackHost } from "./listen_rules.ts";
import { HTTP_BOUNDS, type ServerOptions } from "./server_options.ts";
import { PROGRAM_NAME, PROGRAM_VERSION } from "./program.ts";

export type LogLevel = "info" | "warn" | "error";

/** What a start tells while it is under way, in this order. */
export type StartStep =
  | { readonly step: "directory-ready" }
  | { readonly step: "recovered"; readonly report: OpenReport }
  | { readonly step: "listening"; readonly listener: "binary" | "http"; readonly address: Address };

export interface ServerHooks {
  readonly log: (level: LogLevel, message: string) => void;
  readonly onStep?: (step: StartStep) => void;
}

export interface Server {
  readonly broker: BrokerApi;
  readonly binary: Address;
  readonly http: Address;
  /** Idempotent. Resolves when everything is closed, at most a little after `deadlineMs`. */
  stop(deadlineMs: number): Promise<void>;
}

/** Starts everything, or nothing: a part that cannot start takes down what was started before it. */
export async function startServer(platform: Platform, options: ServerOptions, hooks: ServerHooks): Promise<Server> {
  assertMayListen(options.host, options.insecure);
  assertMayAdvertise(options.host, options.port, options.advertised);
  const { broker, report } = await Broker.open(platform, {
    dataPath: options.dataPath,
    nodeId: options.nodeId,
    durability: options.durability,
    flushIntervalMs: options.flushIntervalMs,
    autoCreate: options.autoCreate,
    partitionsDefault: options.partitionsDefault,
    storageEngine: options.storageEngine ?? "log",
    partitioner: options.partitioner ?? "murmur2",
    groups: options.groups ?? {},
    scrubBytesPerSecond: options.scrubBytesPerSecond ?? 0,
    onError: (error) => hooks.log("error", error.message),
    inMemory: options.inMemory,
    ...(options.segmentBytesMin === undefined ? {} : { segmentBytesMin: options.segmentBytesMin }),
  }, () => hooks.onStep?.({ step: "directory-ready" }));
  logFindings(report, hooks);
  hooks.onStep?.({ step: "recovered", report });
  const parts = new ServerParts(platform, options, hooks, broker);
  try {
    await parts.listen();
  } catch (thrown) {
    await parts.stop(0);
    throw thrown;
  }
  return parts;
}

class ServerParts implements Server {
  readonly broker: Broker;
  readonly #platform: Platform;
  readonly #options: ServerOptions;
  readonly #hooks: ServerHooks;
  #app: HttpApp | null = null;
  #binaryListener: BinaryListener | null = null;
  #httpListener: HttpListener | null = null;
  #stopping: Promise<void> | null = null;

  constructor(platform: Platform, options: ServerOptions, hooks: ServerHooks, broker: Broker) {
    this.#platform = platform;
    this.#options = options;
    this.#hooks = hooks;
    this.broker = broker;
  }

  get binary(): Address {
    return this.#binaryListener?.address ?? { host: this.#options.host, port: this.#options.port };
  }

  get http(): Address {
    return this.#httpListener?.address ?? { host: this.#options.host, port: this.#options.httpPort };
  }

  async listen(): Promise<void> {
    const { host, advertised, nodeId } = this.#options;
    this.#binaryListener = await this.#openBinary();
    this.#hooks.onStep?.({ step: "listening", listener: "binary", address: this.binary });
    this.#httpListener = await this.#openHttp();
    this.#hooks.onStep?.({ step: "listening", listener: "http", address: this.http });
    // On loopback, Kafka's clients are told the address itself: many take only the first that "localhost" stands for.
    const reached = advertised ?? { host: isLoopbackHost(host) ? this.binary.host : host, port: this.binary.port };
    const httpHost = advertised === null && isLoopbackHost(host) ? "localhost" : reached.host;
    this.broker.setEndpoints({
      id: nodeId,
      host: reached.host,
      port: reached.port,
      http: `http://${httpHost.includes(":") ? `[${httpHost}]` : httpHost}:${this.http.port}`,
    }, this.binary);
  }

  stop(deadlineMs: number): Promise<void> {
    this.#stopping ??= this.#stop(deadlineMs);
    return this.#stopping;
  }

  async #stop(deadlineMs: number): Promise<void> {
    this.broker.endWaits();
    this.#app?.stop();
    // Storage needs its share of the time: requests get most of it, and are cut then.
    const requestsMs = deadlineMs * 0.8;
    await Promise.all([this.#binaryListener?.stop(requestsMs), this.#httpListener?.stop(requestsMs)]);
    await this.broker.close();
  }

  #openBinary(): Promise<BinaryListener> {
    const { clock, compression, network, random } = this.#platform;
    const { host, port, nodeId } = this.#options;
    const { log } = this.#hooks;
    const onInternalError = (error: SentinelError): void => log("error", internalErrorText(error));
    const budget = new ByteBudget(LIMITS.binaryBytesMax);
    const kafkaServices: KafkaServices = {
      broker: this.broker,
      clock,
      nodeId,
      fetchSessions: new FetchSessions({ clock, random }),
      readMemory: budget,
      onInternalError,
    };
    const kafkaHandlers = new HandlerRegistry(KAFKA_HANDLERS);
    return BinaryListener.open({
      network,
      clock,
      log,
      budget,
      buffers: new BufferPool({ spoils: network.spoilsMemory ?? false }),
      address: { host, port },
      openNativeSession: (peer) =>
        new NativeSession({
          broker: this.broker,
          clock,
          compression,
          nodeId,
          peer,
          brokerName: `${PROGRAM_NAME}/${PROGRAM_VERSION}`,
          onInternalError,
        }),
      openKafkaSession: (peer) => new KafkaSession(kafkaServices, kafkaHandlers, peer),
    });
  }

  #openHttp(): Promise<HttpListener> {
    const { clock, compression, random, httpServer } = this.#platform;
    const { host, httpPort, advertised, corsOrigins, durability, inMemory } = this.#options;
    const app = createHttpApp({
      broker: this.broker,
      clock,
      random,
      compression,
      isLoopback: isLoopbackHost(host),
      advertisedHosts: advertised === null ? [] : [advertised.host],
      durability: inMemory ? "memory" : durability,
      activeConnections: () =>
        (this.#binaryListener?.activeConnections ?? 0) + (this.#httpListener?.openRequests() ?? 0),
      onInternalError: (requestId, thrown) =>
        this.#hooks.log("error", `request ${requestId}: ${internalErrorText(thrown)}`),
      ...(corsOrigins === undefined ? {} : { corsOrigins }),
    });
    this.#app = app;
    return httpServer.listen({ host, port: httpPort }, (request, context) => app.handle(request, context), HTTP_BOUNDS);
  }
}

/** What people must know of a recovery: what was cut, set aside, and what is damaged. */
function logFindings(report: OpenReport, hooks: ServerHooks): void {
  if (report.cutBytes > 0) {
    hooks.log(
      "warn",
      `Cut ${report.cutBytes} bytes behind the last whole record batches; nothing in them was acknowledged`,
    );
  }
  for (const name of report.setAside) {
    hooks.log("warn", `Set aside the directory ${name}: it belongs to no topic of this broker`);
  }
  for (const error of report.offline) hooks.log("error", `A partition is offline. ${error.message}`);
}

/** Our own bug, for the log: the text that no caller sees. */
function internalErrorText(thrown: unknown): string {
  const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
  return cause instanceof Error ? cause.stack ?? cause.message : String(cause);
}
