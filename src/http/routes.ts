/** All routes, as data: the router and `/openapi.json` are made of this one table. */
import type { z } from "zod";
import { showCluster, showLife, showLimits, showMetrics, showReadiness } from "./broker_routes.ts";
import type { Exchange } from "./exchange.ts";
import { putGroupOffsets, showGroupOffsets } from "./group_routes.ts";
import { groupOffsetsQuerySchema, groupOffsetsSchema, putGroupOffsetsBodySchema } from "./group_schemas.ts";
import type { HttpAppContext, PathParameters } from "./http_app_context.ts";
import { lookUpKey } from "./key_routes.ts";
import { produceRaw, produceRecords } from "./produce_routes.ts";
import { readPartition, readTopic } from "./read_routes.ts";
import * as schemas from "./schemas.ts";
import { deleteTopic, listTopics, patchTopic, putTopic, showTopic } from "./topic_routes.ts";

/** What one status of a route's answer holds; null: nothing. */
export type AnswerSchemas = Readonly<Record<number, z.ZodType | string | null>>;

export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** `:name` is one segment. */
  readonly path: string;
  /** Names the operation in the OpenAPI document. */
  readonly operationId: string;
  readonly summary: string;
  readonly query?: z.ZodObject;
  /** A JSON or CBOR body, or `any`: bytes of whatever type. */
  readonly body?: z.ZodType | "any";
  readonly bodyOptional?: boolean;
  /** Takes an `Idempotency-Key`. */
  readonly takesKey?: boolean;
  readonly answers: AnswerSchemas;
  /** Records can be had as a stream too. */
  readonly streams?: boolean;
  readonly handle: (app: HttpAppContext, exchange: Exchange, path: PathParameters) => Response | Promise<Response>;
}

const TOPIC = "/v1/topics/:topic";
const GROUP_OFFSETS = "/v1/groups/:group/offsets";

/** `/openapi.json` describes this table and so is not in it. */
export const ROUTES: readonly Route[] = [
  {
    method: "POST",
    path: `${TOPIC}/records`,
    operationId: "produceRecords",
    summary: "Append records",
    query: schemas.produceQuerySchema,
    body: schemas.produceBodySchema,
    takesKey: true,
    answers: {
      200: schemas.produceAnswerSchema,
      202: schemas.noQuerySchema,
      207: schemas.partialAnswerSchema,
    },
    handle: produceRecords,
  },
  {
    method: "POST",
    path: `${TOPIC}/raw`,
    operationId: "produceRaw",
    summary: "Append the body as one record",
    query: schemas.rawQuerySchema,
    body: "any",
    takesKey: true,
    answers: { 200: schemas.produceAnswerSchema, 202: schemas.noQuerySchema },
    handle: produceRaw,
  },
  {
    method: "GET",
    path: `${TOPIC}/partitions/:partition/records`,
    operationId: "readPartition",
    summary: "Read one partition",
    query: schemas.readPartitionQuerySchema,
    answers: { 200: schemas.partitionPageSchema, 304: null },
    streams: true,
    handle: readPartition,
  },
  {
    method: "GET",
    path: `${TOPIC}/records`,
    operationId: "readTopic",
    summary: "Read all partitions",
    query: schemas.readAllQuerySchema,
    answers: { 200: schemas.allPartitionsPageSchema },
    streams: true,
    handle: readTopic,
  },
  {
    method: "GET",
    path: `${TOPIC}/keys/:key`,
    operationId: "lookUpKey",
    summary: "Get the newest record of a key in a compacted topic",
    query: schemas.lookUpQuerySchema,
    answers: { 200: schemas.storedRecordSchema, 304: null },
    handle: lookUpKey,
  },
  {
    method: "GET",
    path: `${TOPIC}/keys/`,
    operationId: "lookUpEmptyKey",
    summary: "Get the newest record whose key has no bytes",
    query: schemas.lookUpQuerySchema,
    answers: { 200: schemas.storedRecordSchema, 304: null },
    handle: lookUpKey,
  },
  {
    method: "GET",
    path: "/v1/topics",
    operationId: "listTopics",
    summary: "List topics by name",
    query: schemas.pageQuerySchema,
    answers: { 200: schemas.topicListSchema },
    handle: listTopics,
  },
  {
    method: "PUT",
    path: TOPIC,
    operationId: "putTopic",
    summary: "Make a topic, or make sure that it is there",
    body: schemas.createTopicBodySchema,
    bodyOptional: true,
    answers: { 200: schemas.topicSchema, 201: schemas.topicSchema },
    handle: putTopic,
  },
  {
    method: "GET",
    path: TOPIC,
    operationId: "showTopic",
    summary: "Show a topic and its partitions",
    answers: { 200: schemas.topicSchema },
    handle: showTopic,
  },
  {
    method: "PATCH",
    path: TOPIC,
    operationId: "patchTopic",
    summary: "Change settings, add partitions",
    body: schemas.alterTopicBodySchema,
    answers: { 200: schemas.topicSchema },
    handle: patchTopic,
  },
  {
    method: "DELETE",
    path: TOPIC,
    operationId: "deleteTopic",
    summary: "Remove a topic and its records",
    answers: { 204: null },
    handle: deleteTopic,
  },
  {
    method: "GET",
    path: GROUP_OFFSETS,
    operationId: "showGroupOffsets",
    summary: "Show a group's committed offsets and its lag",
    query: groupOffsetsQuerySchema,
    answers: { 200: groupOffsetsSchema },
    handle: showGroupOffsets,
  },
  {
    method: "PUT",
    path: GROUP_OFFSETS,
    operationId: "putGroupOffsets",
    summary: "Set offsets of a group without members",
    query: groupOffsetsQuerySchema,
    body: putGroupOffsetsBodySchema,
    answers: { 200: groupOffsetsSchema },
    handle: putGroupOffsets,
  },
  {
    method: "GET",
    path: "/v1/limits",
    operationId: "showLimits",
    summary: "Show the limits that requests must keep",
    answers: { 200: schemas.limitsSchema },
    handle: showLimits,
  },
  {
    method: "GET",
    path: "/v1/cluster",
    operationId: "showCluster",
    summary: "Show nodes, controller and leaders",
    query: schemas.pageQuerySchema,
    answers: { 200: schemas.clusterSchema },
    handle: showCluster,
  },
  {
    method: "GET",
    path: "/livez",
    operationId: "showLife",
    summary: "Whether the process answers",
    answers: { 200: schemas.statusSchema },
    handle: showLife,
  },
  {
    method: "GET",
    path: "/readyz",
    operationId: "showReadiness",
    summary: "Whether the broker takes work",
    answers: { 200: schemas.statusSchema },
    handle: showReadiness,
  },
  {
    method: "GET",
    path: "/metrics",
    operationId: "showMetrics",
    summary: "Counters in Prometheus' text format",
    answers: { 200: "text/plain" },
    handle: showMetrics,
  },
];
