/** The variables that are Sentinel's; no other is read. */
export function sentinelEnvironment(all: Readonly<Record<string, string | undefined>>): ReadonlyMap<string, string> {
  const own = new Map<string, string>();
  for (const [name, value] of Object.entries(all)) {
    if (name.startsWith("SENTINEL_") && value !== undefined) own.set(name, value);
  }
  return own;
}
