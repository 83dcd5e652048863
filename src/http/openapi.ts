/** The OpenAPI 3.1 description of the API, made of the route table and the schemas that validate. */
import { z } from "zod";
import { problemSchema, topicNameSchema } from "./schemas.ts";
import { STREAM_CONTENT_TYPES } from "./media_types.ts";
import { type Route, ROUTES } from "./routes.ts";

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The document as JSON text. The slow part of it is done once, when somebody asks first. */
export function openApiText(): string {
  cached ??= JSON.stringify(openApiDocument());
  return cached;
}

let cached: string | null = null;

function openApiDocument(): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of ROUTES) {
    const path = route.path.replace(/:([a-z]+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Sentinel",
      version: "1",
      description: "A distributed log over HTTP. Every fault is an RFC 9457 problem, in JSON or CBOR.",
    },
    paths,
    components: { schemas: components },
  };
}

function operation(route: Route): Json {
  const parameters = [...pathParameters(route), ...queryParameters(route), ...headerParameters(route)];
  const responses: Record<string, Json> = {};
  for (const [status, schema] of Object.entries(route.answers)) {
    responses[status] = { description: route.summary, ...answerContent(route, schema) };
  }
  responses["default"] = {
    description: "What went wrong",
    content: {
      "application/problem+json": { schema: jsonSchema(problemSchema, "output") },
      "application/problem+cbor": { schema: jsonSchema(problemSchema, "output") },
    },
  };
  return {
    operationId: route.operationId,
    summary: route.summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...requestBody(route),
    responses,
  };
}

function pathParameters(route: Route): Json[] {
  return [...route.path.matchAll(/:([a-z]+)/g)].map(([, name]) => ({
    name: name!,
    in: "path",
    required: true,
    schema: name === "topic"
      ? jsonSchema(topicNameSchema, "input")
      : name === "group" || name === "key"
      ? { type: "string", minLength: 1 }
      : { type: "integer", minimum: 0 },
  }));
}

/** What a parameter's text stands for: an integer has its bounds, though a URL holds only text. */
function queryParameters(route: Route): Json[] {
  if (route.query === undefined) return [];
  return Object.entries(route.query.shape).map(([name, schema]) => ({
    name,
    in: "query",
    required: false,
    schema: jsonSchema(schema as z.ZodType, "output"),
  }));
}

function headerParameters(route: Route): Json[] {
  if (route.takesKey !== true) return [];
  return [{
    name: "Idempotency-Key",
    in: "header",
    required: false,
    description:
      "1 to 255 visible ASCII characters in quotes: sent again with the same key, the request stores nothing " +
      "and gets the first answer, with Idempotency-Replayed: true",
    schema: { type: "string" },
  }];
}

function requestBody(route: Route): { readonly [key: string]: Json } {
  if (route.body === undefined) return {};
  if (route.body === "any") return { requestBody: { required: true, content: { "*/*": { schema: {} } } } };
  const schema = jsonSchema(route.body, "input");
  return {
    requestBody: {
      required: route.bodyOptional !== true,
      content: { "application/json": { schema }, "application/cbor": { schema } },
    },
  };
}

function answerContent(route: Route, schema: z.ZodType | string | null): { readonly [key: string]: Json } {
  if (schema === null) return {};
  if (typeof schema === "string") return { content: { [schema]: { schema: { type: "string" } } } };
  const document = jsonSchema(schema, "output");
  const content: Record<string, Json> = {
    "application/json": { schema: document },
    "application/cbor": { schema: document },
  };
  if (route.streams === true) {
    for (const type of Object.values(STREAM_CONTENT_TYPES)) content[type] = { schema: { type: "string" } };
  }
  return { content };
}

/** Schemas with a name go to `components`, where all operations refer to them. */
const components: Record<string, Json> = {};

function jsonSchema(schema: z.ZodType, io: "input" | "output"): Json {
  const made = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  const text = JSON.stringify(made).replaceAll('"#/$defs/', '"#/components/schemas/');
  const { $schema: _, $defs, id: __, ...rest } = JSON.parse(text) as Record<string, Json>;
  for (const [name, named] of Object.entries(($defs ?? {}) as Record<string, Record<string, Json>>)) {
    const { id: ___, ...withoutId } = named;
    components[name] = withoutId;
  }
  return rest;
}
