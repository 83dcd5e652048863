/** Runs the program of a client and reads the lines that `checks.mjs` describes. */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ROOT } from "../../tools/paths.mjs";
import { apisOf, peerAddress } from "./broker_process.mjs";

const RUN_MS_MAX = 240_000;
const LINE = /^(ok|failed|none) ([a-z ]+): (.*)$/;

/** What the lines of one run said. */
export class ClientRun {
  /** `{result: "ok" | "failed" | "none", capability, text}`, in the order they came. */
  checks = [];
  #name;
  #version;

  /** `name` is what the table calls it; `version`, of the client and what runs it. */
  constructor(name, version) {
    this.#name = name;
    this.#version = version;
  }

  /** One check of the harness's own, or of a line that a program printed. Prints it too. */
  add(result, capability, text) {
    this.checks.push({ result, capability, text });
    console.log(`${result === "failed" ? "FAILED" : result.padEnd(6)}  ${this.#name}: ${capability}: ${text}`);
  }

  count(result) {
    return this.checks.filter((check) => check.result === result).length;
  }

  /**
   * Runs `command`, whose last argument is the broker's address, to its end. The keys of the APIs that the broker offers
   * are in `SENTINEL_BROKER_APIS`. The lines that are no checks are shown when it ends badly.
   */
  async program(command, args, { env = {}, cwd = ROOT } = {}) {
    const apis = await apisOf(args.at(-1));
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env, SENTINEL_BROKER_APIS: apis.join(",") },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), RUN_MS_MAX);
    let other = "";
    child.stderr.on("data", (chunk) => other = (other + chunk).slice(-4_000));
    const ended = new Promise((resolve) => {
      child.on("error", (error) => resolve(error.message));
      child.on("close", (code, signal) => resolve(code ?? signal));
    });
    for await (const line of createInterface({ input: child.stdout })) {
      const parts = LINE.exec(line);
      if (parts === null) other = `${other}${line}\n`.slice(-4_000);
      else this.add(parts[1], parts[2], parts[3]);
    }
    const code = await ended;
    clearTimeout(timer);
    if (code !== 0) {
      this.add("failed", "the program", `ended with ${code}: ${other.trim().replace(/\s*\n\s*/g, " | ")}`);
    }
  }

  /** Keeps the result for `npm run test:interop -- --table`; runs against another broker do not count there. */
  save() {
    if (peerAddress() !== null) return;
    const directory = join(ROOT, ".interop", "clients");
    mkdirSync(directory, { recursive: true });
    const file = join(directory, `${this.#name.replace(/[^\w.-]+/g, "_")}.json`);
    writeFileSync(file, JSON.stringify({ name: this.#name, version: this.#version, checks: this.checks }, null, 1));
  }
}
