/** Every API that is served. A new one is a file in `handlers/` and a line here. */
import type { KafkaHandler } from "./handler.ts";
import { apiVersionsHandler } from "./handlers/api_versions.ts";
import { describeProducersHandler } from "./handlers/describe_producers.ts";
import { initProducerIdHandler } from "./handlers/init_producer_id.ts";

export const KAFKA_HANDLERS: readonly KafkaHandler[] = [
  apiVersionsHandler,
  initProducerIdHandler,
  describeProducersHandler,
];
