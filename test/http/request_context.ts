import type { RequestContext } from "../../src/platform/http_server.ts";
import { concatBytes } from "../../src/bytes/concat.ts";

/** What a server would give the app beside `request`; the body is the request's own. */
export function requestContext(request: Request, onKeepOpen: () => void = () => {}): RequestContext {
  return {
    peer: "127.0.0.1:1",
    keepOpen: onKeepOpen,
    async readBody(onBytes = () => {}): Promise<Uint8Array> {
      const chunks: Uint8Array[] = [];
      const reader = request.body?.getReader();
      while (reader !== undefined) {
        const { value } = await reader.read();
        if (value === undefined) break;
        onBytes(value.length);
        chunks.push(value);
      }
      return concatBytes(chunks);
    },
  };
}
