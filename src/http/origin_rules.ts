/**
 * Who may call from a browser. Any web page can make the browser of a developer post to a broker on loopback: so a
 * request from a foreign `Origin` is refused, and on a loopback listener a `Host` that is no loopback name too (a name
 * of the attacker's own that points to 127.0.0.1).
 */
import { SentinelError } from "../base/errors.ts";
import type { HttpAppOptions } from "./http_options.ts";

const EXPOSED = "etag, log-tail, location, retry-after, x-request-id";
const ALLOWED_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE";
/** A preflight's answer may be kept for this long. */
const PREFLIGHT_SECONDS = "600";
const HEADER_NAMES = /^[A-Za-z0-9!#$%&'*+.^_`|~, -]{1,1000}$/;

export class OriginRules {
  readonly #origins: ReadonlySet<string>;
  readonly #allowsAny: boolean;
  readonly #hosts: ReadonlySet<string> | null;
  /** The last `Host` that passed: most requests bring the same. */
  #lastHost: string | null = null;

  constructor(options: HttpAppOptions) {
    const origins = options.corsOrigins ?? [];
    this.#origins = new Set(origins.map((origin) => origin.toLowerCase()));
    this.#allowsAny = origins.includes("*");
    const hosts = (options.advertisedHosts ?? []).map((host) => host.toLowerCase());
    this.#hosts = options.isLoopback === true ? new Set(hosts) : null;
  }

  /** Whether other origins than the broker's own may call. */
  get hasCors(): boolean {
    return this.#origins.size > 0;
  }

  /** The fault of a request that this broker must not serve, or null. */
  refuse(request: Request): SentinelError | null {
    if (this.#hosts !== null) {
      const host = hostOf(request);
      if (host !== this.#lastHost) {
        const name = hostName(host);
        if (name === null || !(isLoopbackName(name) || this.#hosts.has(name))) {
          return new SentinelError("misdirected", `Host ${JSON.stringify(host)} is no name of this broker`);
        }
        this.#lastHost = host;
      }
    }
    const origin = request.headers.get("origin");
    if (origin === null || this.#isListed(origin) || isOwn(origin, hostOf(request))) return null;
    return new SentinelError("forbidden_origin", `Origin ${JSON.stringify(origin)} is not allowed`);
  }

  /** Headers of an answer to a listed origin, with the preflight's own where that was asked; null for the others. */
  corsHeaders(request: Request): Readonly<Record<string, string>> | null {
    if (this.#origins.size === 0) return null;
    const origin = request.headers.get("origin");
    if (origin === null || !this.#isListed(origin)) return { vary: "origin" };
    const headers: Record<string, string> = {
      "access-control-allow-origin": origin,
      "access-control-expose-headers": EXPOSED,
      vary: "origin",
    };
    if (request.method !== "OPTIONS") return headers;
    headers["access-control-allow-methods"] = ALLOWED_METHODS;
    headers["access-control-max-age"] = PREFLIGHT_SECONDS;
    const wanted = request.headers.get("access-control-request-headers");
    if (wanted !== null && HEADER_NAMES.test(wanted)) headers["access-control-allow-headers"] = wanted;
    return headers;
  }

  #isListed(origin: string): boolean {
    return this.#allowsAny || this.#origins.has(origin.toLowerCase());
  }
}

/** `host:port` as the caller wrote it. A request that was made in this process has it in its URL only. */
function hostOf(request: Request): string {
  const header = request.headers.get("host");
  if (header !== null) return header;
  const start = request.url.indexOf("//") + 2;
  const end = request.url.indexOf("/", start);
  return request.url.slice(start, end === -1 ? undefined : end);
}

/** The name without the port, in lower case; null when it is none. */
function hostName(host: string): string | null {
  const match = /^(\[[0-9a-fA-F:.]{2,45}\]|[^:[\]/\\@\s]{1,255})(?::[0-9]{1,5})?$/.exec(host);
  return match === null ? null : match[1]!.toLowerCase();
}

function isLoopbackName(name: string): boolean {
  return name === "localhost" || name.endsWith(".localhost") || name === "[::1]" || /^127(\.[0-9]{1,3}){3}$/.test(name);
}

/** A page that the broker itself served. */
function isOwn(origin: string, host: string): boolean {
  const lower = origin.toLowerCase();
  return lower === `http://${host.toLowerCase()}` || lower === `https://${host.toLowerCase()}`;
}
