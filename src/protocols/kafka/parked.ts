import type { Cancelable, RequestContext } from "./handler.ts";

/**
 * The answer that `work` comes to, or `ended` when the connection ends or the broker stops before. What was asked goes
 * on all the same: a group waits for its members as long as it has promised, whatever becomes of their connections.
 */
export function untilEnd<Answer>(
  work: Promise<Answer>,
  ended: Answer,
  context: Pick<RequestContext, "track" | "untrack">,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const wait: Cancelable = { cancel: () => resolve(ended) };
    const settled = () => context.untrack(wait);
    work.then(resolve, reject).then(settled, settled);
    context.track(wait);
  });
}
