import { memoryDisk } from "../../../adapters/memory/disk.ts";
import { LsmStore } from "../../../src/storage/lsm/lsm_store.ts";
import type { SyncMode } from "../../../src/storage/lsm/tree_settings.ts";
import { describeKeyValueStore } from "../../conformance/key_value_store.ts";
import { currentPlatform } from "../../adapters/current.ts";
import { makeTemporaryDirectory } from "../../adapters/temporary_directory.ts";
import { openTree, SMALL_TREE, TREE_IDENTITY } from "../tree_fixture.ts";

for (const syncMode of ["none", "batch", "written", "always"] as const satisfies readonly SyncMode[]) {
  describeKeyValueStore(`LsmStore in memory, ${syncMode}`, async () => {
    const store = await openTree(memoryDisk(), { syncMode });
    return { store, settle: () => settle(store), [Symbol.asyncDispose]: () => store.close() };
  });
}

describeKeyValueStore("LsmStore on files", async () => {
  const directory = await makeTemporaryDirectory();
  const { disk, clock } = currentPlatform();
  const location = { disk, clock, directory: `${directory.path}/tree`, identity: TREE_IDENTITY };
  const store = await LsmStore.open(location, { ...SMALL_TREE, syncMode: "always" });
  return {
    store,
    settle: () => settle(store),
    [Symbol.asyncDispose]: async () => {
      await store.close();
      await directory.remove();
    },
  };
});

/** First into a table of level 0, the next time into a deeper level. */
async function settle(store: LsmStore): Promise<void> {
  if (store.stats().levels[0]!.tables > 0) await store.compact();
  await store.flush();
}
