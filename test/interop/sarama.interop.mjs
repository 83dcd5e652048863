/** sarama, the oldest Go client: a program of ours built on it. */
import { CODECS } from "../clients/checks.mjs";
import { buildGoProgram } from "./go_program.mjs";
import { runSuite } from "./suite.mjs";

await runSuite("sarama", {
  prepare: (cache) => buildGoProgram(cache, "sarama", "github.com/IBM/sarama"),
  run: (clientRun, address, { program }) => clientRun.program(program, [address]),
  codecs: Object.fromEntries(CODECS.map((codec) => [`sarama-codec-${codec}`, codec])),
});
