/**
 * Records as they come, for as long as the caller listens: server-sent events, NDJSON or a CBOR sequence. Pull-based: the
 * next page is read only when the connection has taken the last one, so a slow reader costs one page of memory.
 */
import { asSentinelError, type SentinelError } from "../base/errors.ts";
import { concatBytes } from "../bytes/concat.ts";
import { encodeUtf8 } from "../bytes/utf8.ts";
import { type CborInput, encodeCbor } from "../cbor/encode_cbor.ts";
import { asBody, commonHeaders, type Exchange } from "./exchange.ts";
import type { HttpAppContext } from "./http_app_context.ts";
import { STREAM_CONTENT_TYPES, type StreamFormat } from "./media_types.ts";
import { recordForm } from "./page_form.ts";
import { problemOf } from "./problem.ts";
import type { Page, PageOptions, TopicReader } from "./topic_reader.ts";

export interface StreamOptions {
  readonly page: PageOptions;
  /** Records after which the stream ends. */
  readonly recordsMax: number;
  /** The stream ends when nothing came for so long. */
  readonly idleMsMax: number;
  /** What an event shows of a page, the same as an answer of one page. */
  readonly formPage: (page: Page) => { readonly [key: string]: CborInput };
  /** Where a reader goes on after what was sent. */
  readonly cursorText: () => string;
}

/** Why a stream ended by itself. */
type EndReason = "complete" | "idle" | "stopping";

/** The first page is read before the answer starts: what is wrong from the beginning has its own status. */
export async function streamRecords(
  app: HttpAppContext,
  exchange: Exchange,
  reader: TopicReader,
  options: StreamOptions,
): Promise<Response> {
  const stream = new RecordStream(app, exchange, reader, options);
  const first = await stream.readFirst();
  const headers = { ...commonHeaders(exchange), "content-type": STREAM_CONTENT_TYPES[stream.format] };
  if (exchange.isHead) return new Response(null, { status: 200, headers });
  app.admission.beginWait(exchange.holding, () => reader.cancel());
  exchange.context.keepOpen();
  exchange.isStreaming = true;
  return new Response(stream.body(first), { status: 200, headers });
}

class RecordStream {
  readonly format: StreamFormat;
  readonly #app: HttpAppContext;
  readonly #exchange: Exchange;
  readonly #reader: TopicReader;
  readonly #options: StreamOptions;
  #recordsLeft: number;
  /** Since when nothing was sent to the caller, and since when no record was there. */
  #quietSinceMs: number;
  #idleSinceMs: number;
  #isEnded = false;

  constructor(app: HttpAppContext, exchange: Exchange, reader: TopicReader, options: StreamOptions) {
    this.format = exchange.accepted as StreamFormat;
    this.#app = app;
    this.#exchange = exchange;
    this.#reader = reader;
    this.#options = options;
    this.#recordsLeft = options.recordsMax;
    this.#quietSinceMs = app.clock.monotonicMs();
    this.#idleSinceMs = this.#quietSinceMs;
  }

  readFirst(): Promise<Page> {
    return this.#reader.readPage(this.#pageOptions(0));
  }

  body(first: Page): ReadableStream<Uint8Array> {
    let unsent: Page | null = first;
    let isCancelled = false;
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const page = unsent;
        unsent = null;
        const chunk = await this.#next(page);
        if (isCancelled) return;
        if (chunk !== null) controller.enqueue(asBody(chunk));
        if (this.#isEnded) {
          this.#app.admission.leave(this.#exchange.holding);
          controller.close();
        }
      },
      cancel: () => {
        isCancelled = true;
        this.#isEnded = true;
        this.#reader.cancel();
        this.#app.admission.leave(this.#exchange.holding);
      },
    }, { highWaterMark: 0 });
  }

  /** What is sent next; null when there is nothing but the end. */
  async #next(first: Page | null): Promise<Uint8Array | null> {
    try {
      let page = first;
      while (true) {
        if (page !== null) {
          if (page.records.length > 0) return this.#records(page);
          if (this.#idleMs() >= this.#options.idleMsMax) return this.#end("idle");
          // A first chunk at once: servers send the answer's head with it, and the caller learns that it is heard.
          if (page === first || this.#quietMs() >= this.#app.limits.httpStreamPingMs) {
            this.#quietSinceMs = this.#app.clock.monotonicMs();
            if (this.format === "events") return this.#ping(page);
          }
        }
        const reason = this.#endReason();
        if (reason !== null) return this.#end(reason);
        page = await this.#readPage();
        if (this.#isEnded) return null;
      }
    } catch (thrown) {
      if (this.#isEnded) return null;
      this.#isEnded = true;
      const error = asSentinelError(thrown);
      if (error.code === "internal") this.#app.onInternalError?.(this.#exchange.id, thrown);
      return this.#problem(error);
    }
  }

  /** A page, or an empty one when the next ping is due or the caller's patience ends. */
  async #readPage(): Promise<Page> {
    const pingMs = this.#app.limits.httpStreamPingMs;
    const idleLeftMs = this.#options.idleMsMax - this.#idleMs();
    const waitMs = Math.max(0, Math.min(pingMs - this.#quietMs(), idleLeftMs));
    const cancelTimer = this.#app.clock.after(waitMs, () => this.#reader.endWait());
    try {
      return await this.#reader.readPage(this.#pageOptions(waitMs));
    } finally {
      cancelTimer();
    }
  }

  #pageOptions(waitMs: number): PageOptions {
    const recordsMax = Math.min(this.#recordsLeft, this.#app.limits.httpReadRecordsMax);
    return { ...this.#options.page, recordsMax, waitMs };
  }

  #quietMs(): number {
    return this.#app.clock.monotonicMs() - this.#quietSinceMs;
  }

  #idleMs(): number {
    return this.#app.clock.monotonicMs() - this.#idleSinceMs;
  }

  #endReason(): EndReason | null {
    if (this.#app.admission.isStopping) return "stopping";
    if (this.#recordsLeft <= 0) return "complete";
    const to = this.#options.page.to;
    if (to !== undefined && this.#reader.positions()[0]! >= to) return "complete";
    return null;
  }

  #records(page: Page): Uint8Array {
    this.#recordsLeft -= page.records.length;
    this.#quietSinceMs = this.#app.clock.monotonicMs();
    this.#idleSinceMs = this.#quietSinceMs;
    if (this.format === "events") {
      const data = this.#options.formPage(page);
      return event("records", data, this.#options.cursorText());
    }
    const forms = page.records.map((record) => recordForm(record, this.#exchange));
    if (this.format === "cbor-seq") return concatBytes(forms.map((form) => encodeCbor(form)));
    return line(forms.map((form) => JSON.stringify(form)).join("\n"));
  }

  #ping(page: Page): Uint8Array {
    const { records: _, ...ends } = this.#options.formPage(page);
    return event("ping", ends);
  }

  #problem(error: SentinelError): Uint8Array {
    const problem = problemOf(error, this.#exchange.id);
    if (this.format === "events") return event("problem", problem);
    return this.format === "ndjson" ? line(JSON.stringify({ problem })) : encodeCbor({ problem });
  }

  /** Line and sequence formats end with their last record. */
  #end(reason: EndReason): Uint8Array | null {
    this.#isEnded = true;
    if (this.format !== "events") return null;
    const cursor = this.#options.cursorText();
    return event("end", { reason, cursor }, cursor);
  }
}

/** JSON text has no line break in it, so one `data:` line holds it. */
function event(name: string, data: unknown, id?: string): Uint8Array {
  const idLine = id === undefined ? "" : `id: ${id}\n`;
  return encodeUtf8(`event: ${name}\n${idLine}data: ${JSON.stringify(data)}\n\n`.toWellFormed())!;
}

function line(text: string): Uint8Array {
  return encodeUtf8(`${text}\n`.toWellFormed())!;
}
