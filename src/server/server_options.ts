/** How a broker process is set up, and what its HTTP listener bounds. */
import type { NodeId } from "../base/ids.ts";
import { LIMITS } from "../base/limits.ts";
import type { GroupOptions } from "../broker/groups/group_settings.ts";
import type { PartitionerName } from "../broker/partitioner.ts";
import type { StorageEngine } from "../cluster/partition_store.ts";
import type { Durability } from "../cluster/replica.ts";
import type { HttpServerOptions } from "../platform/http_server.ts";
import type { Address } from "../platform/network.ts";

export interface ServerOptions {
  readonly dataPath: string;
  readonly host: string;
  /** Binary port; 0: any free one. */
  readonly port: number;
  /** HTTP port; 0: any free one. */
  readonly httpPort: number;
  /** The address that clients are told to use for the binary port; default: where it listens. */
  readonly advertised: Address | null;
  readonly nodeId: NodeId;
  readonly durability: Durability;
  readonly flushIntervalMs: number;
  readonly autoCreate: boolean;
  readonly partitionsDefault: number;
  /** `storage.engine` of a topic that is made without one; default `log`. */
  readonly storageEngine?: StorageEngine;
  readonly partitioner?: PartitionerName;
  /** What the scrub may read; 0, the default: it is off. */
  readonly scrubBytesPerSecond?: number;
  /** How consumer groups are coordinated, where it is not as Kafka's defaults say. */
  readonly groups?: GroupOptions;
  /** Allows a host that other machines can reach, without authentication. */
  readonly insecure: boolean;
  /** The platform's disk is memory. */
  readonly inMemory: boolean;
  readonly corsOrigins?: readonly string[];
  /** See `BrokerOptions`; tests only. */
  readonly segmentBytesMin?: number;
}

/** On free ports of the loopback interface, with the defaults of the command line: for a broker inside another program. */
export function loopbackOptions(dataPath: string): ServerOptions {
  return {
    dataPath,
    host: "127.0.0.1",
    port: 0,
    httpPort: 0,
    advertised: null,
    nodeId: 1,
    durability: "fsync",
    flushIntervalMs: 100,
    autoCreate: true,
    partitionsDefault: 1,
    insecure: false,
    inMemory: false,
  };
}

/** What the HTTP listener keeps, from `LIMITS`. */
export const HTTP_BOUNDS: HttpServerOptions = {
  headerMsMax: LIMITS.httpHeaderMsMax,
  idleMsMax: LIMITS.httpIdleMsMax,
  headerBytesMax: LIMITS.httpHeaderBytesMax,
  bodyBytesMax: LIMITS.httpBodyBytesMax,
  bodyMsMax: LIMITS.httpBodyMsMax,
  writeStallMsMax: LIMITS.connectionWriteStallMsMax,
  connectionsMax: LIMITS.httpConnectionsMax,
};
