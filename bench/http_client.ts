import { concatBytes } from "../src/bytes/concat.ts";
import type { Connection, Network } from "../src/platform/network.ts";
import { type HttpAnswer, HttpAnswers } from "./http_answers.ts";
import type { LoadClient } from "./load.ts";

/** The bytes of a request that are sent again and again. */
export function httpRequest(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const all = { host: "localhost", ...headers, ...(method === "GET" ? {} : { "content-length": String(body.length) }) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return concatBytes([new TextEncoder().encode(`${method} ${path} HTTP/1.1\r\n${lines}\r\n`), body]);
}

/** One keep-alive connection that sends one request over and over. */
export class HttpLoadClient implements LoadClient {
  readonly #connection: Connection;
  readonly #request: readonly Uint8Array[];
  readonly #answers = new HttpAnswers();

  private constructor(connection: Connection, request: Uint8Array) {
    this.#connection = connection;
    this.#request = [request];
  }

  /** `count` connections with the same request. */
  static async open(network: Network, port: number, request: Uint8Array, count: number): Promise<HttpLoadClient[]> {
    const clients: HttpLoadClient[] = [];
    for (let index = 0; index < count; index++) {
      clients.push(new HttpLoadClient(await network.connect({ host: "127.0.0.1", port }), request));
    }
    return clients;
  }

  async exchange(): Promise<void> {
    await this.#connection.write(this.#request);
    const { status } = await readAnswer(this.#connection, this.#answers);
    if (status !== 200) throw new Error(`The server answered ${status}`);
  }

  close(): void {
    this.#connection.close();
  }
}

/** One request on a connection of its own; the answer's body. */
export async function askOnce(network: Network, port: number, request: Uint8Array): Promise<Uint8Array> {
  const connection = await network.connect({ host: "127.0.0.1", port });
  try {
    await connection.write([request]);
    const answers = new HttpAnswers({ keepsBody: true });
    const { status } = await readAnswer(connection, answers);
    const body = concatBytes(answers.body);
    if (status !== 200) throw new Error(`The server answered ${status}: ${new TextDecoder().decode(body)}`);
    return body;
  } finally {
    connection.close();
  }
}

async function readAnswer(connection: Connection, answers: HttpAnswers): Promise<HttpAnswer> {
  while (true) {
    const chunk = await connection.read();
    if (chunk === null) throw new Error("The server closed the connection");
    const answer = answers.push(chunk);
    if (answer !== null) return answer;
  }
}
