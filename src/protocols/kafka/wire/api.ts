import type { AnySchema } from "../../../schema/message_schema.ts";

/** One of Kafka's APIs: its key, and its two messages, which have the same versions. */
export interface KafkaApi<Q extends AnySchema = AnySchema, A extends AnySchema = AnySchema> {
  readonly key: number;
  readonly name: string;
  readonly request: Q;
  readonly response: A;
}

export function defineApi<Q extends AnySchema, A extends AnySchema>(
  key: number,
  name: string,
  request: Q,
  response: A,
): KafkaApi<Q, A> {
  return { key, name, request, response };
}
