/** The HTTP face of the broker: `/v1` for programs that have `fetch()` and nothing else, health, metrics, OpenAPI. */
import { Hono } from "hono";
import { RegExpRouter } from "hono/router/reg-exp-router";
import { asSentinelError, SentinelError } from "../base/errors.ts";
import type { RequestContext } from "../platform/http_server.ts";
import { Admission } from "./admission.ts";
import { answerJson, commonHeaders, Exchange } from "./exchange.ts";
import type { HttpAppContext } from "./http_app_context.ts";
import { type HttpAppOptions, httpLimits } from "./http_options.ts";
import { acceptedFormat, documentFormat } from "./media_types.ts";
import { openApiText } from "./openapi.ts";
import { OriginRules } from "./origin_rules.ts";
import { problemResponse } from "./problem.ts";
import { ROUTES } from "./routes.ts";

export interface HttpApp {
  /** Answers every request with a `Response`; never fails. */
  handle(request: Request, context: RequestContext): Promise<Response>;
  /** Ends long polls and streams at once, so that they do not hold up a stop; other requests go on. */
  stop(): void;
  /** Paths and methods that there are, for tests that compare. */
  readonly routes: readonly { readonly method: string; readonly path: string }[];
}

type Bindings = { Bindings: Exchange };

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

/** The app for one listener. It holds no connection and no file; everything comes in through `options`. */
export function createHttpApp(options: HttpAppOptions): HttpApp {
  const limits = httpLimits(options.limits);
  const app: HttpAppContext = { ...options, limits, admission: new Admission(limits) };
  const rules = new OriginRules(options);
  const nextRequestId = requestIds(options);
  const router = new RegExpRouter<[(...args: never[]) => unknown, unknown]>();
  const hono = new Hono<Bindings>({ router: router as never, getPath: rawPath });
  for (const route of ROUTES) {
    hono.on(route.method, route.path, (c) => {
      if (route.method === "POST" && route.takesKey !== true) refuseKey(c.req.raw);
      return route.handle(app, c.env, c.req.param());
    });
  }
  hono.get("/openapi.json", (c) => answerJson(c.env, 200, openApiText()));
  // What goes wrong is answered in one place, below: Hono's own answers are no problems (RFC 9457).
  hono.onError((error) => {
    throw error;
  });
  hono.notFound((c) => missing(c.env, (method) => router.match(method, rawPath(c.req.raw))[0].length > 0));

  function handle(request: Request, context: RequestContext): Promise<Response> {
    const answered = answerSafely(nextRequestId(), request, context);
    const isPlain = request.method !== "HEAD" && !rules.hasCors;
    return isPlain ? answered : answered.then((response) => finish(request, response));
  }

  /** What only few answers need. */
  function finish(request: Request, response: Response): Response {
    const cors = rules.corsHeaders(request);
    const body = request.method === "HEAD" ? null : response.body;
    if (cors === null) return new Response(body, response);
    // Answers without a body of ours (a 304) may have headers that cannot be changed.
    const headers = new Headers(response.headers);
    for (const [name, value] of Object.entries(cors)) headers.append(name, value);
    return new Response(body, { status: response.status, headers });
  }

  async function answerSafely(id: string, request: Request, context: RequestContext): Promise<Response> {
    let exchange: Exchange | null = null;
    try {
      const refused = rules.refuse(request);
      if (refused !== null) throw refused;
      exchange = new Exchange(id, request, context, app.admission.enter());
      return await hono.fetch(request, exchange);
    } catch (thrown) {
      const error = asSentinelError(thrown);
      if (error.code === "internal") options.onInternalError?.(id, thrown);
      const format = documentFormat(acceptedFormat(request.headers.get("accept")));
      return problemResponse(error, { id, format });
    } finally {
      if (exchange !== null && !exchange.isStreaming) app.admission.leave(exchange.holding);
    }
  }

  return {
    handle,
    stop: () => app.admission.stop(),
    routes: [...ROUTES.map(({ method, path }) => ({ method, path })), { method: "GET", path: "/openapi.json" }],
  };
}

/** Another method of a path that there is, or a path that there is not. */
function missing(exchange: Exchange, hasRoute: (method: string) => boolean): Response {
  const { request, id } = exchange;
  const path = rawPath(request);
  const methods: string[] = METHODS.filter(hasRoute);
  if (methods.length === 0) {
    throw new SentinelError("unknown_route", `There is nothing at ${path.slice(0, 300)}`);
  }
  if (methods.includes("GET")) methods.push("HEAD");
  const allow = [...methods, "OPTIONS"].join(", ");
  if (request.method === "OPTIONS") {
    return new Response(null, { status: 204, headers: { ...commonHeaders(exchange), allow } });
  }
  const error = new SentinelError("method_not_allowed", `${path.slice(0, 300)} has ${allow}, not ${request.method}`);
  return problemResponse(error, { id, format: documentFormat(exchange.accepted) }, { allow });
}

/** A header that asks for a guarantee must not be passed over. The other methods are idempotent by themselves. */
function refuseKey(request: Request): void {
  if (request.headers.get("idempotency-key") !== null) {
    throw new SentinelError("invalid_parameter", "Idempotency-Key is for appending records; leave it out here");
  }
}

/** The path as it was sent: a parameter is decoded once, when its handler asks for it, and never before. */
function rawPath(request: Request): string {
  const { url } = request;
  const start = url.indexOf("/", url.indexOf("//") + 2);
  if (start === -1) return "/";
  for (let at = start; at < url.length; at++) {
    const unit = url.charCodeAt(at);
    if (unit === 0x3f || unit === 0x23) return url.slice(start, at);
  }
  return url.slice(start);
}

/** Ids that no two requests share: a part of the app's own, and a number. */
function requestIds(options: HttpAppOptions): () => string {
  const prefix = options.random.uint32().toString(36).padStart(7, "0");
  let count = 0;
  return () => `${prefix}-${(count++).toString(36)}`;
}
