import type { Expectation } from "../expectation.ts";
import type { Observed } from "../observed.ts";

/** I29, I30: a position that was acknowledged or shown is there, or a later one; a generation is not given out again. */
export function committedOffsets({ groups = [] }: Observed, expectation: Expectation): string[] {
  const faults: string[] = [];
  const byGroup = new Map(groups.map((group) => [group.group, group]));
  for (const [group, places] of expectation.offsets) {
    const offsets = byGroup.get(group)?.offsets ?? {};
    for (const [place, possible] of places) {
      const offset = offsets[place] ?? null;
      if (!possible.includes(offset)) {
        faults.push(`groups: ${group} is at ${offset} of ${place}, not ${possible.map(String).join(" or ")}`);
      }
    }
    for (const place of Object.keys(offsets)) {
      if (!places.has(place)) faults.push(`groups: ${group} never committed for ${place}`);
    }
  }
  for (const [group, told] of expectation.generations) {
    const generation = byGroup.get(group)?.generation ?? 0;
    if (generation < told) faults.push(`groups: ${group} is in generation ${generation}, members were told ${told}`);
  }
  for (const group of byGroup.keys()) {
    const isKnown = expectation.offsets.has(group) || expectation.generations.has(group);
    if (!isKnown && Object.keys(byGroup.get(group)!.offsets).length > 0) faults.push(`groups: nobody made ${group}`);
  }
  return faults;
}
