/** confluent-kafka-python: the newest librdkafka, and with it confluent-kafka-go, -javascript and -dotnet. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { ROOT } from "../../tools/paths.mjs";
import { CODECS } from "../clients/checks.mjs";
import { install, runSuite } from "./suite.mjs";

const VERSION = "2.16.1";

await runSuite("confluent-kafka-python", {
  prepare(cache) {
    const packages = join(cache, `confluent-kafka-${VERSION}`);
    if (!existsSync(packages)) {
      install("python3", ["-m", "pip", "install", "-q", "--target", packages, `confluent-kafka==${VERSION}`]);
    }
    const env = { ...process.env, PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: "1" };
    const code =
      "import confluent_kafka as c; print(c.version()[0] if isinstance(c.version(), tuple) else c.version(), " +
      "c.libversion()[0])";
    const [version, library] = install("python3", ["-c", code], { env }).trim().split(" ");
    return { version: `${version}, librdkafka ${library}`, env };
  },
  async run(clientRun, address, { env }) {
    await clientRun.program("python3", [join(ROOT, "test/interop/programs/confluent_kafka_checks.py"), address], {
      env,
    });
  },
  codecs: Object.fromEntries(CODECS.map((codec) => [`confluent-codec-${codec}`, codec])),
});
