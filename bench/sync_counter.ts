import type { Disk, DiskFile } from "../src/platform/disk.ts";

/** A disk that counts the syncs of its files. */
export class SyncCounter {
  count = 0;
  readonly disk: Disk;

  constructor(disk: Disk) {
    this.disk = delegate(disk, {
      open: async (path, mode) => {
        const file = await disk.open(path, mode);
        return delegate<DiskFile>(file, {
          sync: () => {
            this.count += 1;
            return file.sync();
          },
        });
      },
    });
  }
}

/** What `own` does not have is the target's; its methods see the target, whose private members they need. */
function delegate<Target extends object>(target: Target, own: Partial<Target>): Target {
  return new Proxy(target, {
    get: (_, name) => {
      const value: unknown = Reflect.get(Object.hasOwn(own, name) ? own : target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
