/** Kafka's own Java client, which Spring, Flink, Connect and Streams are built on. */
import { join } from "node:path";
import { ROOT } from "../../tools/paths.mjs";
import { CODECS } from "../clients/checks.mjs";
import { JAVA_FLAGS, kafkaClassPath } from "./kafka_libraries.mjs";
import { install, runSuite } from "./suite.mjs";

const PROGRAM = join(ROOT, "test/interop/programs/KafkaClientsChecks.java");

await runSuite("Java kafka-clients", {
  prepare(cache) {
    const classPath = kafkaClassPath(cache);
    const classes = join(cache, "classes");
    install("javac", ["-cp", classPath, "-d", classes, PROGRAM]);
    const version = install("java", [
      ...JAVA_FLAGS,
      "-cp",
      classPath,
      "org.apache.kafka.tools.TopicCommand",
      "--version",
    ]);
    return { version: version.trim().split(" ")[0], classPath: `${classes}:${classPath}` };
  },
  async run(clientRun, address, { classPath }) {
    await clientRun.program("java", [...JAVA_FLAGS, "-cp", classPath, "KafkaClientsChecks", address]);
  },
  codecs: Object.fromEntries(CODECS.map((codec) => [`java-codec-${codec}`, codec])),
});
