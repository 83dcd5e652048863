/** Something that waits, and answers with what there is when it is told to. */
export interface Cancelable {
  cancel(): void;
}

/** Where waits are kept, so that the end of a connection or a stop of the broker ends them. */
export interface WaitKeeper {
  track(wait: Cancelable): void;
  untrack(wait: Cancelable): void;
}

/**
 * The answer that `work` comes to, or `ended` when the connection ends or the broker stops before. What was asked goes
 * on all the same: a group waits for its members as long as it has promised, whatever becomes of their connections.
 */
export function untilEnd<Answer>(work: Promise<Answer>, ended: Answer, waits: WaitKeeper): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const wait: Cancelable = { cancel: () => resolve(ended) };
    const settled = () => waits.untrack(wait);
    work.then(resolve, reject).then(settled, settled);
    waits.track(wait);
  });
}
