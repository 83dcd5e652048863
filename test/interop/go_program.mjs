/** Builds a Go program of this folder; its modules and Go's build cache lie in the cache directory. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { ROOT } from "../../tools/paths.mjs";
import { install } from "./suite.mjs";

const FOLDER = join(ROOT, "test/interop/programs/go");

/** The program's path, and the version of the client module that go.mod names. */
export function buildGoProgram(cache, name, module) {
  const program = join(cache, name);
  const env = { ...process.env, GOPATH: join(cache, "go"), GOFLAGS: "-modcacherw", GOTOOLCHAIN: "local" };
  install("go", ["build", "-o", program, `./${name}`], { cwd: FOLDER, env });
  const line = readFileSync(join(FOLDER, "go.mod"), "utf8").split("\n").find((text) => text.includes(`${module} v`));
  const go = install("go", ["env", "GOVERSION"], { cwd: FOLDER, env }).trim();
  return { program, version: `${/ v(\S+)/.exec(line)[1]}, ${go}` };
}
