/**
 * The only names that the core may use and that are not ECMAScript itself: web classes that every runtime has. The core
 * is compiled with this file and without any runtime's types, so that another name is a type error.
 */
declare class TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>;
  encodeInto(text: string, into: Uint8Array): { read: number; written: number };
}
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes?: Uint8Array): string;
}
/** What `bytes/crc32c_folding.ts` needs of it; it does without where there is none. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>);
  }
  class Instance {
    constructor(module: Module);
    readonly exports: object;
  }
}
/** Named by `platform/http_server.ts` only; `http/` sees the full types. */
interface Request {
  readonly url: string;
}
interface Response {
  readonly status: number;
}
