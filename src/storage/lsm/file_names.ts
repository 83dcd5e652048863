/**
 * Names in the tree's directory. Numbers come from one row for logs and tables and are never used again; ten digits sort
 * as they count (the seed's `L0_10.sst` came before `L0_2.sst`), but nothing goes by the order of names.
 */

/** What a file is: a write-ahead log, or a table that was written for a level. Its level now is the manifest's to say. */
export type NumberedFile =
  | { readonly kind: "log"; readonly number: number }
  | { readonly kind: "table"; readonly number: number; readonly writtenLevel: number };

export const MANIFEST_FILE = "MANIFEST";
export const LOCK_FILE = "LOCK";
export const TEMPORARY_SUFFIX = ".tmp";
const NUMBERED_REGEXP = /^(?:wal|L(\d))_(\d{10,15})\.(log|sst)$/;

export function logFileName(number: number): string {
  return `wal_${digits(number)}.log`;
}

export function tableFileName(writtenLevel: number, number: number): string {
  return `L${writtenLevel}_${digits(number)}.sst`;
}

/** What a name says, or null when it is neither a log's nor a table's. */
export function parseNumberedFile(name: string): NumberedFile | null {
  const match = NUMBERED_REGEXP.exec(name);
  if (match === null) return null;
  const number = Number(match[2]);
  const file: NumberedFile = match[1] === undefined
    ? { kind: "log", number }
    : { kind: "table", number, writtenLevel: Number(match[1]) };
  const own = file.kind === "log" ? logFileName(number) : tableFileName(file.writtenLevel, number);
  return own === name ? file : null;
}

function digits(number: number): string {
  return String(number).padStart(10, "0");
}
