/**
 * An edge function that reads a compacted topic as a table: `GET /u1` answers the newest value of the key `u1`.
 *
 * It has `fetch()` and nothing else, and runs as it is on Cloudflare Workers, Deno Deploy (`deno serve`), and Bun. What it
 * has read it keeps with its ETag: as long as the key has no newer record, the broker answers 304 without a body. Values
 * that may be a little old need no question at all: give them `MAX_AGE_MS`.
 */

/** Set by the platform: where the broker is, and which topic is the table. */
export interface Env {
  readonly SENTINEL_URL: string;
  readonly SENTINEL_TOPIC: string;
}

/** A row as it was when the broker was asked last. */
interface Row {
  readonly etag: string;
  readonly value: string;
  readonly askedMs: number;
}

/** An isolate may live long: it keeps so many rows, the ones that were asked for last. */
const ROWS_MAX = 1_000;
/** 0: every request asks the broker, and the answer is never older than the request. */
const MAX_AGE_MS = 0;
const rows = new Map<string, Row>();

/** The newest value of a key as text, or null. Fails when the broker cannot say. */
export async function readRow(env: Env, key: string): Promise<string | null> {
  const known = rows.get(key);
  if (known !== undefined && Date.now() - known.askedMs < MAX_AGE_MS) return known.value;
  const url = `${env.SENTINEL_URL}/v1/topics/${env.SENTINEL_TOPIC}/keys/${encodeURIComponent(key)}`;
  const answer = await fetch(url, { headers: known === undefined ? {} : { "if-none-match": known.etag } });
  if (answer.status === 304 && known !== undefined) return keep(key, { ...known, askedMs: Date.now() });
  if (answer.status === 404) {
    rows.delete(key);
    const { code } = await answer.json();
    if (code === "key_not_found") return null;
  }
  if (!answer.ok) throw new Error(`The broker answered ${answer.status}`);
  const { value } = await answer.json();
  return keep(key, { etag: answer.headers.get("etag") ?? "", value, askedMs: Date.now() });
}

function keep(key: string, row: Row): string {
  // The oldest stands first: a Map keeps the order in which keys came in.
  rows.delete(key);
  rows.set(key, row);
  if (rows.size > ROWS_MAX) rows.delete(rows.keys().next().value!);
  return row.value;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
    const value = await readRow(env, key);
    return value === null ? new Response("not found\n", { status: 404 }) : new Response(value);
  },
};
