/** What every route of the app shares. */
import { SentinelError } from "../base/errors.ts";
import type { Admission } from "./admission.ts";
import type { Exchange } from "./exchange.ts";
import type { HttpAppOptions, HttpLimits } from "./http_options.ts";
import { TOPIC_NAME } from "./schemas.ts";

export interface HttpAppContext extends HttpAppOptions {
  readonly admission: Admission;
  /** All of them, with the options' changes. */
  readonly limits: HttpLimits;
}

/** What stands in a route's path: `:topic`, `:partition`. Decoded exactly once. */
export type PathParameters = Readonly<Record<string, string>>;

export type RouteHandler = (exchange: Exchange, path: PathParameters) => Response | Promise<Response>;

/**
 * The topic that the path names. Nothing else may become a directory's name, so this is checked before anything else
 * looks at it (seed-P4; `..%2f` reaches handlers undecoded on both runtimes).
 */
export function topicOf(path: PathParameters): string {
  const name = path["topic"] ?? "";
  if (!TOPIC_NAME.test(name)) {
    throw new SentinelError(
      "invalid_topic",
      `Topic name ${JSON.stringify(name.slice(0, 300))} does not match [a-zA-Z0-9._-]{1,249}, or is . or ..`,
    );
  }
  return name;
}
