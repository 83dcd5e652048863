/**
 * Makes a fresh clone ready: packages as package-lock.json has them, and a `bun` and a `deno` that start. Quick when
 * there is nothing to do, and safe when several commands start at once. Says what it does on stderr only.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BUN, BUN_PACKAGE, DENO, DENO_PACKAGE, ROOT } from "./paths.mjs";

const LOCK = join(ROOT, ".setup-lock");
const LOCK_OWNER = join(LOCK, "pid");
/** A lock without an owner's number is one that is just being made, or whose maker died in between. */
const LOCK_UNOWNED_MS_MAX = 10_000;
const LOCK_POLL_MS = 100;

/** Sets up what is missing; ends the process with a reason when that fails. */
export function setUp() {
  if (isReady()) return;
  takeLock();
  try {
    if (!packagesAreInstalled()) installPackages();
    // With --ignore-scripts the two packages come without their last step, which puts the executable in its place.
    if (!bunStarts()) runPackageScript(BUN_PACKAGE, "install.js");
    if (!existsSync(DENO)) runPackageScript(DENO_PACKAGE, "install.cjs");
    if (!isReady()) fail("The set-up is done, but bun or deno does not start on this machine");
  } finally {
    rmSync(LOCK, { recursive: true, force: true });
  }
}

function isReady() {
  return packagesAreInstalled() && existsSync(DENO) && bunStarts();
}

function bunStarts() {
  return spawnSync(BUN, ["--version"], { stdio: "ignore" }).status === 0;
}

/** Compares npm's record of what it installed with package-lock.json: file times say nothing after a clone or a copy. */
function packagesAreInstalled() {
  const wanted = readPackages(join(ROOT, "package-lock.json"));
  const installed = readPackages(join(ROOT, "node_modules/.package-lock.json"));
  if (wanted === null) fail("package-lock.json is missing or damaged");
  if (installed === null) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === "") return true;
    if (installed[path] === undefined) return entry.optional === true;
    return installed[path].version === entry.version && existsSync(join(ROOT, path));
  });
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages ?? null;
  } catch {
    return null;
  }
}

function installPackages() {
  console.error("Installing packages (npm ci)...");
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];
  // The npm that started us, if one did: there may be no other on the PATH.
  const own = process.env.npm_execpath;
  const run = own?.endsWith(".js") && /npm-cli/.test(own)
    ? runNode([own, ...args], ROOT)
    : spawnSync("npm", args, { cwd: ROOT, encoding: "utf8", shell: process.platform === "win32" });
  if (run.error?.code === "ENOENT") fail("npm is not on the PATH; it is needed once, to install the packages");
  if (run.status !== 0) fail(`npm ci failed:\n${run.stdout ?? ""}${run.stderr ?? ""}`);
}

function runPackageScript(directory, script) {
  const run = runNode([join(directory, script)], directory);
  if (run.status !== 0) fail(`${script} in ${directory} failed:\n${run.stdout ?? ""}${run.stderr ?? ""}`);
}

function runNode(args, cwd) {
  return spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
}

/** Waits until no other set-up runs in this tree. A lock whose owner is gone is taken over. */
function takeLock() {
  let told = false;
  while (true) {
    try {
      mkdirSync(LOCK);
      writeFileSync(LOCK_OWNER, String(process.pid));
      return;
    } catch (error) {
      if (error.code !== "EEXIST") fail(`Cannot set up in ${ROOT}: ${error.message}`);
    }
    if (lockIsAbandoned()) rmSync(LOCK, { recursive: true, force: true });
    else if (!told) console.error("Waiting for another set-up of this tree...");
    told = true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_POLL_MS);
  }
}

function lockIsAbandoned() {
  let owner = 0;
  try {
    owner = Number(readFileSync(LOCK_OWNER, "utf8"));
  } catch {
    owner = 0;
  }
  if (owner === 0) {
    const made = statSync(LOCK, { throwIfNoEntry: false });
    return made !== undefined && Date.now() - made.mtimeMs > LOCK_UNOWNED_MS_MAX;
  }
  try {
    process.kill(owner, 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
}

function fail(reason) {
  console.error(reason);
  rmOwnLock();
  process.exit(1);
}

/** process.exit() runs no `finally`. */
function rmOwnLock() {
  try {
    if (readFileSync(LOCK_OWNER, "utf8") === String(process.pid)) rmSync(LOCK, { recursive: true, force: true });
  } catch {
    // There is no lock.
  }
}
