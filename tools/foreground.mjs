/** Runs one program in the user's place: its streams are ours, our signals are its, its exit code is ours. */
import { spawn } from "node:child_process";
import { constants } from "node:os";

/** Ctrl-C reaches us from the terminal and once more from npm. The program takes a second signal for "stop at once". */
const SAME_SIGNAL_MS = 500;

const PARENT_POLL_MS = 500;

/** npm that is killed outright forwards nothing: its broker would go on and hold its ports and its data directory. */
function stopWithParent(child) {
  const parent = process.ppid;
  const poll = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(poll);
    child.kill("SIGTERM");
  }, PARENT_POLL_MS);
}

/** Ends this process with the program's exit code; 128 + n when signal n ended it. */
export function runInForeground(command, args) {
  // A process group of its own, so that the terminal's signals come through us, once each.
  const child = spawn(command, args, { stdio: "inherit", detached: true });
  const lastMs = new Map();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      const nowMs = performance.now();
      const isEcho = nowMs - (lastMs.get(signal) ?? -Infinity) < SAME_SIGNAL_MS;
      lastMs.set(signal, nowMs);
      if (!isEcho) child.kill(signal);
    });
  }
  if (process.env.npm_lifecycle_event !== undefined) stopWithParent(child);
  child.on("error", (error) => {
    console.error(`Cannot start ${command}: ${error.message}`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}
