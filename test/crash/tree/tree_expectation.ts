/** What a start over a tree may find: the writes in their order up to some moment, which no promise lies behind (I37). */
import type { Changes, Pairs, TreeEvent } from "./tree_script.ts";

/** The texts of all states that may be found. */
export function statesAfter(events: readonly TreeEvent[]): ReadonlySet<string> {
  const writes: { readonly number: number; readonly changes: Changes }[] = [];
  const durable = new Set<number>();
  for (const event of events) {
    if (event.kind === "asked") writes.push(event);
    else if (event.kind === "durable") { for (const number of event.numbers) durable.add(number); }
    else writes.splice(writes.findIndex(({ number }) => number === event.number), 1);
  }
  const promised = writes.findLastIndex(({ number }) => durable.has(number));
  const states = new Set<string>();
  const pairs = new Map<string, string>();
  if (promised < 0) states.add(textOfPairs({}));
  for (const [at, { changes }] of writes.entries()) {
    for (const [key, value] of Object.entries(changes)) {
      if (value === null) pairs.delete(key);
      else pairs.set(key, value);
    }
    if (at >= promised) states.add(textOfPairs(Object.fromEntries(pairs)));
  }
  return states;
}

export function textOfPairs(pairs: Pairs): string {
  return Object.keys(pairs).sort().map((key) => `${key}=${pairs[key]!}`).join("\n");
}

/** A state in few words. */
export function shortened(text: string): string {
  return text.split("\n").map((line) => line.replace(/v+$/, "")).join(", ").slice(0, 300);
}
