import { SentinelError } from "../../base/errors.ts";
import type { Lease } from "../../bytes/lease.ts";
import { isSchemaFault } from "../../schema/message_schema.ts";
import { answerThrown } from "./error_answer.ts";
import {
  type Cancelable,
  CloseConnection,
  type ConnectionState,
  type HandlerAnswer,
  type KafkaHandler,
  type KafkaServices,
  type RequestContext,
} from "./handler.ts";
import type { HandlerRegistry } from "./handler_registry.ts";
import { apiVersionsApi } from "./wire/messages/api_versions.ts";
import { encodeResponse } from "./wire/encode_response.ts";
import { KAFKA_ERRORS } from "./wire/error_codes.ts";
import { readRequest, readRequestKey, type RequestKey } from "./wire/request_head.ts";

type Reply = readonly Uint8Array[] | null;

/** A request that may be served; its body is read when its turn comes. */
interface AdmittedRequest {
  readonly key: RequestKey;
  readonly handler: KafkaHandler;
  readonly body: Uint8Array;
  /** Of the body's memory. */
  readonly lease: Lease | null;
}

interface QueuedRequest {
  readonly request: AdmittedRequest;
  readonly resolve: (reply: Promise<Reply>) => void;
}

/**
 * Kafka's protocol over one connection: a request's body in, the response's slices out (protocol §1).
 *
 * As in Kafka, one request of a connection is in work at a time, and clients rely on it: what a request sees includes
 * all that came before. Requests whose handlers overlap (Produce) are the exception. They begin in order, so that their
 * batches are appended in order, and wait for their sync together: without that a pipelining producer would need one
 * sync for each of its requests. The queue is bounded by the connection, which does not read on when it holds too much.
 */
export class KafkaSession {
  readonly repliesInOrder = true;
  readonly #services: KafkaServices;
  readonly #registry: HandlerRegistry;
  readonly #peer: string;
  readonly #state: ConnectionState = { clientSoftwareName: "", clientSoftwareVersion: "" };
  readonly #waits = new Set<Cancelable>();
  readonly #queue: QueuedRequest[] = [];
  /** What answers hold that are not sent yet. */
  readonly #sending = new WeakMap<readonly Uint8Array[], readonly Lease[]>();
  #inWork = 0;
  /** Whether the requests in work let the next one of their kind begin. */
  #overlaps = false;
  /** Why no request that comes from now on is answered, or null. */
  #refusal: SentinelError | null = null;
  /** Why no request is begun any more, whenever it came, or null. */
  #fault: SentinelError | null = null;
  #isEnded = false;

  constructor(services: KafkaServices, registry: HandlerRegistry, peer: string) {
    this.#services = services;
    this.#registry = registry;
    this.#peer = peer;
  }

  /** The response to one request; null for none. Fails where Kafka closes the connection. */
  handle(body: Uint8Array, lease: Lease | null = null): Promise<Reply> {
    const request = this.#admit(body, lease);
    if (request instanceof SentinelError) return Promise.reject(request);
    if (this.#queue.length === 0 && this.#mayBegin(request)) return this.#begin(request);
    return new Promise((resolve) => this.#queue.push({ request, resolve }));
  }

  /** This answer has been sent, to the last byte. */
  noteSent(reply: readonly Uint8Array[]): void {
    for (const lease of this.#sending.get(reply) ?? []) lease.release();
    this.#sending.delete(reply);
  }

  /** Ends every wait: requests answer with what is there, now and from now on. */
  endWaits(): void {
    this.#isEnded = true;
    for (const wait of [...this.#waits]) wait.cancel();
  }

  /** Looks at what a request is before its turn comes: one that nobody serves ends the connection. */
  #admit(body: Uint8Array, lease: Lease | null): AdmittedRequest | SentinelError {
    if (this.#refusal !== null) return this.#refusal;
    const key = readRequestKey(body);
    if (isSchemaFault(key)) return this.#refuse(key.fault);
    const handler = this.#registry.get(key.apiKey);
    if (handler === undefined) return this.#refuse(`API key ${key.apiKey} is not served`);
    const isServed = key.apiVersion >= handler.versions.min && key.apiVersion <= handler.versions.max;
    if (isServed || key.apiKey === apiVersionsApi.key) return { key, handler, body, lease };
    return this.#refuse(`Version ${key.apiVersion} of ${handler.api.name} is not served`);
  }

  #mayBegin({ handler }: AdmittedRequest): boolean {
    return this.#inWork === 0 || (this.#overlaps && handler.overlaps);
  }

  /** Everything that a handler does before its first wait happens inside this call. */
  async #begin(request: AdmittedRequest): Promise<Reply> {
    this.#inWork += 1;
    this.#overlaps = request.handler.overlaps;
    try {
      return await this.#answer(request);
    } finally {
      this.#inWork -= 1;
      this.#beginNext();
    }
  }

  #beginNext(): void {
    while (this.#queue.length > 0) {
      const { request, resolve } = this.#queue[0]!;
      if (this.#fault === null && !this.#mayBegin(request)) return;
      this.#queue.shift();
      resolve(this.#fault === null ? this.#begin(request) : Promise.reject(this.#fault));
    }
  }

  async #answer({ key, handler, body, lease }: AdmittedRequest): Promise<Reply> {
    const { apiVersion } = key;
    if (apiVersion < handler.versions.min || apiVersion > handler.versions.max) return this.#answerVersions(key);
    const request = readRequest(body, handler.api, apiVersion);
    if (isSchemaFault(request)) throw this.#stop(request.fault);
    const sending: Lease[] = [];
    const context = this.#contextOf(apiVersion, request.clientId, lease, sending);
    let reply: Reply | CloseConnection;
    try {
      const answer = handler.handle(request.value, context);
      reply = encodeAnswer(handler, key, answer instanceof Promise ? await answer : answer);
    } catch (thrown) {
      const error = answerThrown(thrown, this.#services.onInternalError);
      reply = encodeAnswer(handler, key, handler.fail(request.value, error, context));
    }
    if (handler.leavesBody) lease?.release();
    if (reply instanceof CloseConnection) throw this.#stop(reply.reason);
    if (reply !== null && sending.length > 0) this.#sending.set(reply, sending);
    return reply;
  }

  /** ApiVersions in a version of the future: the client learns ours, in the form that every client can read (§3.3). */
  #answerVersions({ apiKey, correlationId }: RequestKey): Reply {
    const apiKeys = this.#registry.advertised.filter((api) => api.apiKey === apiKey);
    return encodeResponse(apiVersionsApi, 0, correlationId, { errorCode: KAFKA_ERRORS.UNSUPPORTED_VERSION, apiKeys });
  }

  #contextOf(
    apiVersion: number,
    clientId: string | null,
    lease: Lease | null,
    sending: Lease[],
  ): RequestContext {
    return {
      ...this.#services,
      apiVersion,
      clientId,
      lease,
      releaseWhenSent: (held) => void sending.push(held),
      peer: this.#peer,
      apis: this.#registry.advertised,
      connection: this.#state,
      track: (wait) => {
        this.#waits.add(wait);
        // A request whose turn comes after the end must not wait either.
        if (this.#isEnded) wait.cancel();
      },
      untrack: (wait) => void this.#waits.delete(wait),
    };
  }

  /** The connection ends behind what came before this request, which nobody can answer. */
  #refuse(reason: string): SentinelError {
    return this.#refusal ??= new SentinelError("invalid_request", reason);
  }

  /** The connection ends at a request whose turn it is: what waits behind it is not begun. */
  #stop(reason: string): SentinelError {
    this.#refuse(reason);
    return this.#fault ??= new SentinelError("invalid_request", reason);
  }
}

function encodeAnswer(handler: KafkaHandler, key: RequestKey, answer: HandlerAnswer<object>): Reply | CloseConnection {
  if (answer === null || answer instanceof CloseConnection) return answer;
  return encodeResponse(handler.api, key.apiVersion, key.correlationId, answer);
}
