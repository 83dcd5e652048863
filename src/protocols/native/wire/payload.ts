/** A payload between bytes and a checked value. */
import type { z } from "zod";
import type { FieldFault } from "../../../base/errors.ts";
import { SentinelError } from "../../../base/errors.ts";
import { LIMITS } from "../../../base/limits.ts";
import { decodeCbor, isCborFault } from "../../../cbor/decode_cbor.ts";
import { type CborInput, encodeCbor } from "../../../cbor/encode_cbor.ts";

/** A payload before it is bytes. */
export type Payload = { readonly [key: string]: CborInput | undefined };

/** Faults that one error names; a payload with more of them is not made clearer by a longer list. */
const FAULTS_MAX = 20;

/**
 * The value that `payload` holds, if `schema` accepts it; else `invalid_request` that names each wrong field. Never
 * another error, whatever the bytes are. `itemsMax`: how many CBOR items are decoded; beyond it the payload is refused.
 */
export function readPayload<Schema extends z.ZodType>(
  payload: Uint8Array,
  schema: Schema,
  itemsMax: number = LIMITS.bodyItemsMax,
): z.output<Schema> {
  const decoded = decodeCbor(payload, { depthMax: LIMITS.bodyDepthMax, itemsMax });
  if (isCborFault(decoded)) {
    throw new SentinelError("invalid_request", `The payload is not a CBOR map: ${decoded.fault}`);
  }
  const value = decoded.value;
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    throw new SentinelError("invalid_request", "The payload is not a CBOR map");
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults: FieldFault[] = parsed.error.issues.slice(0, FAULTS_MAX).map((issue) => ({
    pointer: issue.path.map((step) => `/${String(step)}`).join(""),
    detail: issue.message,
  }));
  const detail = faults.map((fault) => `${fault.pointer.slice(1).replaceAll("/", ".")} ${fault.detail}`).join("; ");
  throw new SentinelError("invalid_request", detail, { errors: faults });
}

/** Members that are undefined are left out; the rest must be what CBOR can say. */
export function writePayload(value: Payload): Uint8Array {
  return encodeCbor(value);
}
