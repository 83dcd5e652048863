/**
 * Rows of a CSV text (RFC 4180) by the names in its first line. Fields may be quoted, with `""` for a quote and with line
 * ends and commas inside. Short rows lack their last columns, empty lines are none, fields beyond the names are left out.
 */
export function parseCsv(text: string): Map<string, string>[] {
  const [names, ...rows] = splitFields(text.startsWith("\ufeff") ? text.slice(1) : text);
  if (names === undefined) return [];
  return rows.map((fields) =>
    new Map(fields.slice(0, names.length).map((field, index): [string, string] => [names[index]!, field]))
  );
}

/** A field with what ends it: quoted, or plain up to a comma or a line end. An unended quote takes the rest. */
const FIELD = /(?:"((?:[^"]|"")*)(?:"|$)([^,\r\n]*)|([^,\r\n]*))(,|\r\n|\n|\r|$)/y;

function splitFields(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  FIELD.lastIndex = 0;
  let at = 0;
  while (at < text.length || row.length > 0) {
    FIELD.lastIndex = at;
    const [whole, quoted, afterQuote, plain, end] = FIELD.exec(text)!;
    at += whole.length;
    row.push(quoted === undefined ? plain! : quoted.replaceAll('""', '"') + afterQuote);
    if (end === ",") continue;
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
  }
  return rows;
}
