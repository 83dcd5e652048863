/** Byte streams between processes. All failures are `PlatformError`s. */

export interface Address {
  readonly host: string;
  /** 0 for a listener: any free port; the listener's own `address` has the real one. */
  readonly port: number;
}

export interface Network {
  /** Memory that is used again is overwritten first, so that whoever still looks at it is found out: the simulation's. */
  readonly spoilsMemory?: boolean;
  /** Accepts connections until the listener is closed. */
  listen(address: Address, onConnection: (connection: Connection) => void): Promise<Listener>;
  connect(address: Address): Promise<Connection>;
}

export interface Listener {
  readonly address: Address;
  /** Takes no more connections; those that exist go on. */
  close(): Promise<void>;
}

export interface Connection {
  /**
   * The next bytes, in a buffer that is the caller's, or null when the peer has closed its side. One call at a time.
   * At most `connectionReadBytesMax`; as much is taken from the socket while nobody reads: that is the back-pressure.
   * Fails with `connection_reset`, or `closed` after `close`.
   */
  read(): Promise<Uint8Array | null>;
  /**
   * Nobody looks at this chunk, which `read` gave, or at a view of it any more: its memory may be used again. Not to call
   * it is always right.
   */
  recycle(chunk: Uint8Array): void;
  /** Writes the slices in order; done when the socket has taken them all. One call at a time. The slices must not change until then. */
  write(slices: readonly Uint8Array[]): Promise<void>;
  /** Ends both directions. `abort: true` drops unsent bytes (a reset). Idempotent; a running read ends with null or `closed`. */
  close(options?: { abort?: boolean }): void;
  /** `host:port` of the other side, for logs. */
  readonly peer: string;
}
