import type { PartitionId } from "../base/ids.ts";
import type { StoredRecord } from "../records/record.ts";
import { recordToJson } from "../records/record_form.ts";
import type { Output } from "./output.ts";

/** How `consume` prints: the seeds' lines, a line of JSON, or the value alone. */
export type RecordForm = "lines" | "json" | "raw";

/** Bytes are written as they are: a value that is not UTF-8 reaches the pipe unharmed. */
export function writeRecord(output: Output, form: RecordForm, record: StoredRecord, partition: PartitionId): void {
  switch (form) {
    case "raw":
      if (record.value !== null) output.bytes(record.value);
      break;
    case "json":
      output.text(JSON.stringify(recordToJson(record, partition)));
      break;
    case "lines":
      output.text(`offset=${record.offset} | key=`);
      writeOrNull(output, record.key?.length === 0 ? null : record.key);
      output.text(" | value=");
      writeOrNull(output, record.value);
      break;
  }
  output.endLine();
}

function writeOrNull(output: Output, bytes: Uint8Array | null): void {
  if (bytes === null) output.text("(null)");
  else output.bytes(bytes);
}
