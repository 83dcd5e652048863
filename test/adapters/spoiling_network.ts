import { SPOILED } from "../../src/bytes/buffer_pool.ts";
import type { Connection, Network } from "../../src/platform/network.ts";

/** A network on which memory that is used again is overwritten first: a late reader sees it, and so does the test. */
export function spoilingNetwork(network: Network): Network {
  return {
    spoilsMemory: true,
    listen: (address, onConnection) => network.listen(address, (connection) => onConnection(spoiling(connection))),
    connect: (address) => network.connect(address),
  };
}

function spoiling(connection: Connection): Connection {
  return {
    peer: connection.peer,
    read: () => connection.read(),
    recycle(chunk) {
      chunk.fill(SPOILED);
      connection.recycle(chunk);
    },
    write: (slices) => connection.write(slices),
    close: (options) => connection.close(options),
  };
}
