/** franz-go, the Go client of Redpanda's tools: a program of ours built on it. */
import { CODECS } from "../clients/checks.mjs";
import { buildGoProgram } from "./go_program.mjs";
import { runSuite } from "./suite.mjs";

await runSuite("franz-go", {
  prepare: (cache) => buildGoProgram(cache, "franz_go", "github.com/twmb/franz-go"),
  run: (clientRun, address, { program }) => clientRun.program(program, [address]),
  codecs: Object.fromEntries(CODECS.map((codec) => [`franz-codec-${codec}`, codec])),
});
