/**
 * Records as the HTTP API and native frames show them. In and out, this is the only place that translates.
 *
 *   { key?, value, headers?: [[name, value], …], timestamp?, partition? }
 *
 * A null key is the same as none; a null value is a tombstone. Header pairs keep order and duplicates, and a header's
 * value may be null, in JSON and in CBOR, as Kafka allows it. Members that are not named here are ignored, so that what
 * was read can be sent again.
 *
 * JSON: a text stands for its UTF-8 bytes; other bytes go into `keyB64`, `valueB64` and `{"b64": …}` for a header. CBOR:
 * a byte string stands for itself and a text string for its UTF-8 bytes; out go byte strings only.
 */
export { type FormedRecord, isFieldFault } from "./record_form_parts.ts";
export { type CborRecord, recordFromCbor, recordToCbor } from "./record_form_cbor.ts";
export { type JsonHeaderValue, type JsonRecord, recordFromJson, recordToJson } from "./record_form_json.ts";
