/** Faults as RFC 9457 problems, in JSON or CBOR: every answer with a status of 400 and up is one. */
import { ERRORS, type SentinelError } from "../base/errors.ts";
import { type CborInput, encodeCbor } from "../cbor/encode_cbor.ts";
import { asBody, commonHeaders } from "./exchange.ts";
import type { DocumentFormat } from "./media_types.ts";

/** Seconds after which a caller may try again, when we cannot know better. */
const RETRY_AFTER_SECONDS = "1";

/** The members of a problem. `instance` is the request's id; facts of the error (`tail`, `limit`) are members too. */
export function problemOf(error: SentinelError, requestId: string): Record<string, CborInput> {
  const row = ERRORS[error.code];
  const problem: Record<string, CborInput> = {
    ...error.facts,
    type: `urn:sentinel:problem:${error.code}`,
    title: row.title,
    status: row.httpStatus,
    detail: error.message.toWellFormed(),
    instance: requestId,
    code: error.code,
    retryable: row.retryable,
  };
  if (row.kafkaError !== null) problem["kafkaError"] = row.kafkaError;
  if (error.errors.length > 0) {
    problem["errors"] = error.errors.map(({ pointer, detail }) => ({
      pointer: pointer.toWellFormed(),
      detail: detail.toWellFormed(),
    }));
  }
  return problem;
}

export function problemResponse(
  error: SentinelError,
  request: { readonly id: string; readonly format: DocumentFormat },
  headers: Readonly<Record<string, string>> = {},
): Response {
  const row = ERRORS[error.code];
  const all: Record<string, string> = {
    ...commonHeaders(request),
    "content-type": request.format === "json" ? "application/problem+json" : "application/problem+cbor",
    ...headers,
  };
  const isBusy = row.httpStatus === 429 || row.httpStatus === 503 || error.code === "request_in_flight";
  if (isBusy) all["retry-after"] = RETRY_AFTER_SECONDS;
  const problem = problemOf(error, request.id);
  const body = request.format === "json" ? JSON.stringify(problem) : asBody(encodeCbor(problem));
  return new Response(body, { status: row.httpStatus, headers: all });
}
