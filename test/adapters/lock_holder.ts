/** A process of its own that takes the lock on the file that its argument names, says so, and waits to be killed. */
import { isPlatformError } from "../../src/base/errors.ts";
import { currentDisk } from "./current.ts";

try {
  await currentDisk().lock(process.argv.at(-1)!);
  console.log("held");
} catch (thrown) {
  console.log(isPlatformError(thrown, "locked") ? "locked" : String(thrown));
}
setInterval(() => {}, 1_000);
