/** Records of a page in the form of the answer. */
import type { CborInput } from "../cbor/encode_cbor.ts";
import { recordToCbor, recordToJson } from "../records/record_form.ts";
import type { Exchange } from "./exchange.ts";
import { documentFormat } from "./media_types.ts";
import type { PageRecord } from "./fetched_records.ts";
import type { Page } from "./topic_reader.ts";

/** One record: an object for JSON, or one with byte strings for CBOR. */
export function recordForm({ record, partition }: PageRecord, exchange: Exchange): CborInput {
  if (documentFormat(exchange.accepted) === "cbor") return recordToCbor(record, partition);
  return recordToJson(record, partition) as unknown as CborInput;
}

export function pageRecords(page: Page, exchange: Exchange): { readonly records: readonly CborInput[] } {
  return { records: page.records.map((record) => recordForm(record, exchange)) };
}
