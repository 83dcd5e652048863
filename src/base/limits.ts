/**
 * Every bound there is, with its reason. A queue, buffer, list or wait without a row here is a defect: what has no bound
 * grows until the process dies. Relations between rows are asserted at the end of this file.
 */
import { assert } from "./assert.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

export const LIMITS = {
  /** Kafka's rule for topic names (Topic.java): the directory name `<topic>-<partition>` must stay below 255 bytes. */
  topicNameCharsMax: 249,
  /** Partitions of one topic. Each costs a directory, three descriptors and about 20 KiB. */
  topicPartitionsMax: 10_000,
  /** Partitions that one request may ask for, together: Kafka's bound (ReplicationControlManager). */
  createdPartitionsMax: 10_000,
  /** Settings that one request is told: a resource of a few bytes asks for dozens. All of some 10,000 topics fit. */
  describedSettingsMax: 300_000,
  /** Topics of one broker: their settings are held in memory and walked by metadata answers. */
  topicsMax: 100_000,
  /** Partitions of one broker: three descriptors each, and most hosts allow a process 1,048,576 at the very most. */
  brokerPartitionsMax: 200_000,

  /** A native or Kafka frame: Kafka's socket.request.max.bytes. */
  frameBytesMax: 100 * MIB,
  /** Before credentials are checked: Kafka's sasl.server.max.receive.size. */
  frameBytesBeforeHelloMax: 512 * KIB,
  /** Requests of one connection that are in work at once; more are not read from the socket. */
  connectionRequestsInWorkMax: 64,
  /** Bytes of requests and unsent replies that one connection may hold; above it, its socket is not read. One frame is always taken. */
  connectionBytesMax: 16 * MIB,
  /** One read of a socket. Frames that lie whole in it are not copied; what a connection holds before anyone counts it. */
  connectionReadBytesMax: 512 * KIB,
  /** Buffers for frames that nobody uses now and that are kept for the next ones, in the whole broker. */
  receiveBuffersFreeBytesMax: 16 * MIB,
  /**
   * Bytes that all connections of the binary port hold together, reads of the log for their answers too; above it no
   * socket is read.
   */
  binaryBytesMax: 512 * MIB,
  /** Connections on the binary port. The operating system's queue holds the next ones. */
  connectionsMax: 10_000,
  /** A peer that takes nothing of its reply for this long is cut: its bytes are memory that others need. */
  connectionWriteStallMsMax: 30_000,
  /** A connection that sends nothing and waits for nothing: Kafka's connections.max.idle.ms. */
  connectionIdleMsMax: 600_000,
  /** From the first byte of a frame to its last: a peer that drips holds its buffer no longer than this. */
  frameReadMsMax: 30_000,

  /** A batch as a producer may send it: Kafka's message.max.bytes default, per topic `max.message.bytes`. */
  batchBytesDefaultMax: 1_048_588,
  /** `max.message.bytes` itself may not pass this: a batch is one allocation, and one fetch always returns one whole. */
  batchBytesMax: 64 * MIB,
  /** Records in one batch that we build; Kafka's field is an i32. */
  batchRecordsMax: 1_000_000,
  /** Headers of one record on the HTTP and native faces: they are turned into objects there. */
  recordHeadersMax: 1_000,
  /** What a compressed batch may expand to when a reader of ours opens it: beyond this it is taken for a bomb. */
  decompressedBytesMax: 64 * MIB,

  /** Array items of one Kafka message: an item may be one byte long, and is an object of dozens once it is read. */
  schemaItemsMax: 1_000_000,

  /** HTTP: records in one produce request, named in GET /v1/limits. */
  httpRecordsMax: 1_000,
  /** HTTP: bytes of one request body, after decoding its content encoding. */
  httpBodyBytesMax: 4 * MIB,
  /** HTTP: nesting of a JSON or CBOR body; deeper ones are refused before they are decoded. */
  bodyDepthMax: 64,
  /** Items of one CBOR body: an item may be one byte long, and is an object of dozens once it is decoded. */
  bodyItemsMax: 1_000_000,
  /** HTTP: time for a body to arrive whole. */
  httpBodyMsMax: 30_000,
  /** HTTP: time for the header block to arrive, and between requests of one connection. */
  httpHeaderMsMax: 10_000,
  httpIdleMsMax: 60_000,
  /** HTTP: bytes of a request's header block. */
  httpHeaderBytesMax: 16 * KIB,
  /** HTTP: connections. Each is a descriptor and some 20 KiB; every waiting long poll and stream (`httpWaitsMax`) has one. */
  httpConnectionsMax: 10_000,
  /** HTTP: requests in work at once; beyond it 429. Long polls and streams have a bound of their own. */
  httpRequestsInWorkMax: 4_096,
  /** HTTP: bytes of bodies in work at once. */
  httpBodiesBytesMax: 256 * MIB,
  /** HTTP: long polls and streams that wait at once. */
  httpWaitsMax: 10_000,
  /** HTTP: the longest long-poll; below the 30 s at which most gateways cut. */
  httpWaitSecondsMax: 25,
  httpReadRecordsMax: 1_000,
  httpReadRecordsDefault: 100,
  httpPageTopicsMax: 1_000,
  /** HTTP: partitions that one read goes over: their offsets are the cursor, which must fit into a URL (12 characters each). */
  httpReadPartitionsMax: 1_000,
  /** HTTP: an idle event stream says this often that it lives; below the 30 s at which most gateways cut. */
  httpStreamPingMs: 15_000,

  /** Reads on every face: the default and the most that one may ask for. */
  fetchBytesDefault: 1 * MIB,
  fetchBytesMax: 50 * MIB,
  /** Native fetch. */
  fetchWaitMsMax: 30_000,
  fetchRecordsDefault: 1_000,
  fetchRecordsMax: 10_000,
  /** Native produce: records in one frame (as `records`; a `batch` is bounded by `max.message.bytes`). */
  produceRecordsMax: 10_000,
  /** Kafka's fetch: a client that asks for longer is answered with nothing then, and asks again. Its connection is not idle meanwhile. */
  kafkaFetchWaitMsMax: 300_000,
  /** Fetch sessions of a broker: Kafka's max.incremental.fetch.session.cache.slots. */
  kafkaFetchSessionsMax: 1_000,
  /** Partitions in all of them; each takes about 300 bytes. */
  kafkaFetchSessionPartitionsMax: 200_000,
  /** A session that was used within this time gives way to no other: Kafka's min.incremental.fetch.session.eviction.ms. */
  kafkaFetchSessionEvictionMsMin: 120_000,
  /** Fetches that wait for data, on all connections together: each is a timer and a row in each partition that it reads. */
  fetchWaitsMax: 20_000,
  /** Kafka's produce waits at least this long, whatever the client's time-out: an fsync of a busy disk may take seconds. */
  kafkaProduceTimeoutMsMin: 5_000,
  /** How deep a produce waits for its acknowledgement before it is answered `timed_out`. */
  produceTimeoutMsMax: 120_000,

  /** Bytes appended to one partition and not yet on disk; beyond it produce waits its turn. */
  logPendingBytesMax: 16 * MIB,
  /** Bytes of one gathered write. Larger ones gain nothing and hold the disk queue longer. */
  logWriteBytesMax: 4 * MIB,
  /** Produce requests that wait for room in one partition's queue; beyond it `overloaded`. */
  produceWaitsMax: 10_000,
  /** Batches that are opened or compressed at once before they are appended: each may take `decompressedBytesMax` twice. */
  produceConversionsMax: 4,
  /** Bytes of appended and not yet written data in the whole broker. */
  brokerPendingBytesMax: 256 * MIB,
  /** The newest part of each partition that is kept in memory, so that readers at the tail touch no file. */
  tailCacheBytesMax: 2 * MIB,
  /** The same for the whole broker. */
  brokerTailCacheBytesMax: 64 * MIB,
  /** One read of a segment: also the unit of recovery's scan. */
  segmentReadBytes: 1 * MIB,
  /** Index files of sealed segments that one partition keeps in memory. */
  sealedSegmentsOpenMax: 4,
  /** `segment.bytes`: Kafka's smallest, and its largest (positions are an i32). */
  segmentBytesMin: 1 * MIB,
  segmentBytesMax: 2_147_483_647,
  /** The recovery point is written at least this often while there are appends (design D3). */
  recoveryPointMsMax: 1_000,
  /** … and after so many synced bytes: what lies above it is read, written and synced again after a crash. */
  recoveryPointBytesMax: 128 * MIB,
  /** How often retention looks for segments to remove: Kafka's log.retention.check.interval.ms. */
  retentionCheckMs: 300_000,

  /** Batches of a producer that a retry is known by: Kafka's NUM_BATCHES_TO_RETAIN, what a client may have in flight. */
  producerBatchesMax: 5,
  /** A producer that was silent for so long is forgotten: Kafka's producer.id.expiration.ms. */
  producerIdExpirationMs: 86_400_000,
  /** Producers that one partition knows; each takes about 1 KiB. Full: those silent for `producerSilentMsMin` go, else `overloaded`. */
  partitionProducersMax: 65_536,
  /** The same for the whole broker. */
  brokerProducersMax: 500_000,
  /** Far longer than a client retries (delivery.timeout.ms is two minutes): whoever was silent for it may be forgotten for another. */
  producerSilentMsMin: 3_600_000,
  /** Producers that one answer describes: 40 bytes each on the wire, and a request may name a partition many times. */
  describeProducersMax: 100_000,
  /** A producer snapshot is written after so many bytes of log: what lies above it is read again at a start after a crash. */
  producerSnapshotBytesMax: 128 * MIB,
  /** A snapshot file beyond this is not one of ours: it is not read into memory. */
  producerSnapshotFileBytesMax: 32 * MIB,
  /** Producer ids that one metadata record reserves, as in Kafka: a crash loses the rest of a block, and none is given twice. */
  producerIdBlock: 1_000,
  /** Groups of one broker: each is a few KiB with its members and positions. */
  groupsMax: 100_000,
  /** Positions that all groups together have committed: about 200 bytes each. */
  committedOffsetsMax: 2_000_000,
  /** Members of one group unless the broker's options say less: each rebalance sends all of them to the leader. */
  groupMembersMax: 10_000,
  /** Member ids of one group that were given out and not used yet: a client that only asks for ids must not fill the memory. */
  groupPendingMembersMax: 10_000,
  /** A group's, member's, client's or protocol's name in bytes: they are strings of a record, and keys in memory. */
  groupNameBytesMax: 1_024,
  /** Protocols that one member may list. */
  groupProtocolsMax: 32,
  /** What one member may say to the leader in all its protocols, and the leader to one member. */
  groupMemberBytesMax: 1 * MIB,
  /** What the leader may say to all members together: it must fit into one batch with what they said to it. */
  groupAssignmentsBytesMax: 16 * MIB,
  /** A newcomer waits no longer for a rebalance to end: Kafka's group.new.member.join.timeout.ms. */
  groupNewMemberJoinMsMax: 300_000,
  /** Bounds of a member's session time-out: Kafka's group.min/max.session.timeout.ms. */
  groupSessionTimeoutMsMin: 6_000,
  groupSessionTimeoutMsMax: 1_800_000,
  /** What a committer may store beside a position: Kafka's offset.metadata.max.bytes. */
  offsetMetadataBytesMax: 4_096,
  /** Records of groups that wait for room in one partition of the offsets topic; beyond it the coordinator is not available. */
  groupWritesQueuedMax: 10_000,
  /** How often expired positions are looked for: Kafka's offsets.retention.check.interval.ms. */
  offsetsExpiryCheckMs: 600_000,
  /** Lag rows in one /metrics answer; what is beyond is counted in a row of its own. */
  metricsLagRowsMax: 10_000,
  /** Keys of one pass of the cleaner, about 28 bytes each besides the keys themselves; what does not fit is the next pass's. */
  cleanerKeysMax: 2_000_000,
  /** The keys themselves. At least the largest batch, so that any key fits into an empty map. */
  cleanerKeyBytesMax: 64 * MIB,
  /** Bytes that the cleaner works on before it lets others have the event loop: some milliseconds. */
  cleanerSliceBytes: 256 * KIB,
  /** How often the cleaner looks for the dirtiest log: Kafka's log.cleaner.backoff.ms. */
  cleanerCheckMs: 15_000,
  /** After a failure a partition is left alone for this long: damage does not mend itself, a full disk may. */
  cleanerRetryMs: 300_000,

  /** Bytes that the scrub reads at once: at the slowest budget that is sensible it still gives way several times a second. */
  scrubSliceBytes: 256 * KIB,
  /** Default of --scrub-bytes-per-second: a terabyte in a day and a half, a few percent of any disk's reads. */
  scrubBytesPerSecond: 8 * MIB,
  /** A pass begins so long after the last one did: ZFS's guides advise a week for plain disks. */
  scrubPeriodMs: 604_800_000,
  /** How often the scrub looks whether a pass is due, and notes how far it is. */
  scrubCheckMs: 60_000,
  /** Places of one file that a scrub tells of: what is as damaged as that has been told. */
  scrubFaultsOfFileMax: 16,
  /** Places that the scrub knows to have told; beyond, the oldest may be told again. */
  scrubToldMax: 10_000,
  /** Partitions whose index of keys takes a step at once: each holds what one read gives, opened. */
  keyIndexFeedsMax: 4,
  /** Bytes of log that one step reads, before others get the event loop: some milliseconds. */
  keyIndexSliceBytes: 256 * KIB,
  /** Keys of one write to an index, and of one step of removing old ones: it holds up the store's other writers. */
  keyIndexWriteKeysMax: 10_000,
  /** A longer key is named by its SHA-256: a store bounds its keys, and they lie in its memory and in each table's index. */
  keyIndexKeyBytesMax: 1 * KIB,
  /** After a failure an index is left alone for so long: damage does not mend itself, a full disk may. */
  keyIndexRetryMs: 30_000,
  /** Fewer changed keys are not worth a walk over the index for entries of trimmed records. */
  keyIndexSweepKeysMin: 100_000,
  /** Lookups by key that wait until the index has come far enough: each is a timer and an entry in its partition. */
  keyLookupWaitsMax: 10_000,
  /** Lookups that have a batch in memory and open it at once: each may take `decompressedBytesMax`. */
  keyLookupReadsMax: 8,
  /** How long a lookup waits unless its caller says otherwise. */
  keyLookupWaitMsDefault: 10_000,
  /** How often a lookup looks again when compaction or a newer record has taken away what it found. */
  keyLookupAttemptsMax: 16,
  /** HTTP: bytes of a key in a path. Percent-encoded it is up to three times as long, and must fit into `httpHeaderBytesMax`. */
  httpKeyBytesMax: 4 * KIB,

  /** Characters of an idempotency key: the draft's examples are UUIDs; a row of the table holds it. */
  idempotencyKeyCharsMax: 255,
  /** How long a key's answer is kept, by the broker's clock: a caller that retries for longer has given up. */
  idempotencyKeepMs: 86_400_000,
  /** Keys that are kept, of all topics together. Full: 429, never a forgotten key. */
  idempotencyKeysMax: 500_000,
  /** Memory that they may take: a request over many partitions has a long answer. */
  idempotencyTableBytesMax: 512 * MIB,
  /** Producer ids that wait for the next request with a key: as many as can be in work at once. */
  idempotencyProducersMax: 4_096,

  /** Key-value stores: a key lies whole in every index row and in each table's bounds. */
  storeKeyBytesMax: 64 * KIB,
  /** A value: the largest record batch, with room for what stands around it. */
  storeValueBytesMax: 64 * MIB + 64 * KIB,
  /** One write: it is one record of the write-ahead log, built and checked in memory. */
  storeBatchBytesMax: 80 * MIB,
  storeBatchOperationsMax: 1_000_000,
  /** Keys that one step of a range delete removes: it holds up other writers. */
  storeDeleteStepKeysMax: 10_000,
  /** Bytes that such a step reads to find its keys. */
  storeDeleteStepBytesMax: 4 * MIB,
  /** Snapshots and scans that are open at once: each keeps versions and files alive. */
  storeSnapshotsMax: 10_000,
  /** Writes that wait for their turn in one store, and their bytes; beyond it `overloaded`. */
  storeWaitingWritesMax: 10_000,
  storeWaitingBytesMax: 256 * MIB,
  /** Memory of one memtable: positions in it are 32-bit words, and a start reads as much from the log. */
  lsmMemtableBytesMin: 4 * KIB,
  lsmMemtableBytesMax: 1_024 * MIB,
  /** Memtables that wait for their table; beyond it writers wait. */
  lsmImmutableMemtablesMax: 2,
  /** Tables of level 0, which all readers must look into, at which writers wait for compaction. */
  lsmLevel0TablesMax: 12,
  /** Tables of level 0 at which writers slow down, so that they need not stop: half of those at which they would. */
  lsmLevel0SlowTables: 6,
  /** What one write waits for the pace at most, and steps in which the work before level 0 is reckoned. */
  lsmPaceMsMax: 250,
  lsmPaceStepsMax: 1_000,
  /** Bytes of the write-ahead log that are not written; beyond it writers wait. A record may be larger. */
  lsmLogPendingBytesMax: 1 * MIB,
  /** Bytes that mode `batch` may have written and not synced; beyond it writers wait for the sync. */
  lsmUnsyncedBytesMax: 16 * MIB,
  /** A level beyond the first is cut into tables of about so many bytes: what one compaction step writes again. */
  lsmTableBytes: 16 * MIB,
  /** Target of a data block (facts S10): what one read fetches and checks. */
  lsmBlockBytes: 4 * KIB,
  /** Bytes that flush and compaction work on before other work gets its turn: some milliseconds. */
  lsmSliceBytes: 256 * KIB,
  /** Tables with an open file; the longest unused is closed. */
  lsmOpenTablesMax: 512,
  /** After a failed flush or compaction, until the next try. */
  lsmRetryMs: 1_000,
  /** Tables of one tree: the manifest is read whole, and its tables are held in memory. */
  lsmTablesMax: 100_000,
  /** The manifest. It is written anew at each start and when it has grown past this. */
  lsmManifestRewriteBytes: 4 * MIB,
  lsmManifestBytesMax: 256 * MIB,
  /**
   * The node's tree, beside everything else that a broker holds: a memtable, of which up to two more may wait for their
   * table, and blocks of tables. Both are filled by what is written and read: an idle node has them empty.
   */
  nodeTreeMemtableBytes: 16 * MIB,
  nodeTreeBlockCacheBytes: 16 * MIB,

  /** Records of the metadata log after which a start writes a snapshot and drops what came before it. */
  metadataRecordsBeforeSnapshot: 2_000,
} as const;

assert(2 * LIMITS.frameBytesMax <= LIMITS.binaryBytesMax, "The largest request and its answer must fit beside others");
assert(LIMITS.fetchBytesMax < LIMITS.frameBytesMax, "A full fetch must fit into a frame");
assert(LIMITS.batchBytesMax < LIMITS.frameBytesMax, "The largest batch must fit into a frame");
assert(LIMITS.batchBytesDefaultMax <= LIMITS.batchBytesMax, "The default batch must be an allowed one");
assert(
  LIMITS.httpWaitSecondsMax * 1_000 < LIMITS.httpIdleMsMax,
  "A long poll must end before its connection counts as idle",
);
assert(
  LIMITS.partitionProducersMax * LIMITS.producerBatchesMax * 46 + 10 <= LIMITS.producerSnapshotFileBytesMax,
  "A full producer snapshot must be one that is read",
);
assert(LIMITS.logWriteBytesMax <= LIMITS.logPendingBytesMax, "A full write must fit into the queue");
assert(LIMITS.tailCacheBytesMax <= LIMITS.brokerTailCacheBytesMax, "One partition's cache must fit into the broker's");
assert(
  LIMITS.batchBytesMax < LIMITS.storeValueBytesMax &&
    LIMITS.storeValueBytesMax + LIMITS.storeKeyBytesMax < LIMITS.storeBatchBytesMax,
  "The largest batch of records must fit into a value, and a value into a write",
);
assert(LIMITS.batchBytesMax <= LIMITS.cleanerKeyBytesMax, "The largest key must fit into an empty key map");
assert(
  LIMITS.keyIndexWriteKeysMax * (LIMITS.keyIndexKeyBytesMax + 64) < LIMITS.storeBatchBytesMax &&
    LIMITS.keyIndexWriteKeysMax < LIMITS.storeBatchOperationsMax,
  "A step of an index must fit into one write",
);
assert(3 * LIMITS.httpKeyBytesMax < LIMITS.httpHeaderBytesMax, "A key must fit into a request's head");
