/** Native requests: the payload's reader alone, and a whole session over a broker in memory. */
import assert from "node:assert/strict";
import { memoryDisk } from "../../../adapters/memory/disk.ts";
import { Broker } from "../../../src/broker/broker.ts";
import { type CborInput, encodeCbor } from "../../../src/cbor/encode_cbor.ts";
import { decodeCbor, isCborFault } from "../../../src/cbor/decode_cbor.ts";
import { NativeSession } from "../../../src/protocols/native/native_session.ts";
import { readFrame } from "../../../src/protocols/native/wire/frame.ts";
import { ERROR_REPLY, MESSAGE_TYPES, type MessageName } from "../../../src/protocols/native/wire/message_types.ts";
import { readPayload } from "../../../src/protocols/native/wire/payload.ts";
import * as groups from "../../../src/protocols/native/wire/group_messages.ts";
import * as requests from "../../../src/protocols/native/wire/requests.ts";
import { currentPlatform } from "../../adapters/current.ts";
import { BROKER_OPTIONS } from "../../broker/broker_fixture.ts";
import { ManualClock } from "../../manual_clock.ts";
import type { SeededRandom } from "../../seeded_random.ts";
import type { FuzzTarget } from "../fuzz_target.ts";
import { anyText, nearly, nearlyConfig, nearlyRecord, nearlyTopic } from "../grammar.ts";
import { mutate, randomBytes } from "../mutation.ts";
import { anyBatch } from "./batches.ts";
import { allowRefusals } from "./documented_errors.ts";

type Fields = Readonly<Record<string, (random: SeededRandom) => CborInput>>;

/** A topic of 10,000 partitions must not take the memory of the whole run: it is refused for want of room. */
const DISK_BYTES = 64 * 1024 * 1024;

const partition = (random: SeededRandom): CborInput => random.pick([0, 0, 0, 1, 2, 77, -1, 2_147_483_647]);
const offset = (random: SeededRandom): CborInput =>
  random.pick<CborInput>([0, 0, 1, 5, 1_000, "earliest", "latest", Number.MAX_SAFE_INTEGER, -1]);
const partitions = (random: SeededRandom): CborInput => random.pick([1, 1, 2, 3, 0, 10_001, 2_147_483_647]);
const records = (random: SeededRandom): CborInput =>
  Array.from({ length: random.below(5) }, () => nearlyRecord(random, "cbor"));

const group = (random: SeededRandom): CborInput =>
  random.below(8) === 0 ? anyText(random) : random.pick(["g", "h", ""]);
const member = (random: SeededRandom): CborInput =>
  random.below(8) === 0 ? anyText(random) : random.pick(["", "", "m-1"]);
const generation = (random: SeededRandom): CborInput => random.pick([-1, -1, 0, 1, 2_147_483_647, -2_147_483_649]);
const topicPartitions = (random: SeededRandom): { topic: CborInput; partition: CborInput }[] =>
  Array.from({ length: random.below(4) }, () => ({ topic: nearlyTopic(random), partition: partition(random) }));

const FIELDS: Readonly<Record<MessageName, Fields>> = {
  hello: { versions: (random) => random.pick([[1], [1, 2], [2], []]), client: anyText },
  produce: { topic: nearlyTopic, partition, acks: (random) => random.pick(["all", "leader", "none", "some"]), records },
  fetch: {
    topic: nearlyTopic,
    partition,
    offset,
    maxBytes: (random) => random.pick([1, 1_000, 1_048_576, 52_428_800, 52_428_801, 0]),
    maxRecords: (random) => random.pick([1, 10, 10_000, 10_001, 0]),
    waitMs: (random) => random.pick([0, 0, 0, 5, 30_000, 30_001, -1]),
  },
  metadata: { topics: (random) => Array.from({ length: random.below(4) }, () => nearlyTopic(random)) },
  offsets: { topic: nearlyTopic, partition, at: offset },
  createTopic: {
    topic: nearlyTopic,
    partitions,
    replicas: (random) => random.pick([1, 1, -1, 2, 0]),
    config: nearlyConfig,
  },
  deleteTopic: { topic: nearlyTopic },
  ping: {},
  alterTopic: { topic: nearlyTopic, partitions, config: nearlyConfig },
  describeTopic: { topic: nearlyTopic },
  joinGroup: {
    group,
    memberId: member,
    instanceId: (random) => random.pick([null, null, "", "i"]),
    topics: (random) => Array.from({ length: random.below(3) }, () => nearlyTopic(random)),
    sessionTimeoutMs: (random) => random.pick([6_000, 45_000, 5_999, 0, -1, 2_147_483_647]),
  },
  syncGroup: {
    group,
    memberId: member,
    generation,
    assignments: (random) =>
      Array.from(
        { length: random.below(3) },
        () => ({ memberId: member(random), partitions: topicPartitions(random) }),
      ),
  },
  groupHeartbeat: { group, memberId: member, generation },
  leaveGroup: { group, memberId: member },
  commitOffsets: {
    group,
    memberId: member,
    generation,
    offsets: (random) =>
      topicPartitions(random).map((each) => ({ ...each, offset: random.pick([0, 7, -1]), metadata: anyText(random) })),
  },
  committedOffsets: { group, partitions: topicPartitions },
  listGroups: {},
  describeGroup: { group },
  deleteGroup: { group },
  getByKey: {
    topic: nearlyTopic,
    key: (random) => random.below(4) === 0 ? anyText(random) : randomBytes(random, random.pick([0, 1, 3, 1_030])),
    partition,
    waitMs: (random) => random.pick([0, 0, 5, 30_000, 30_001, -1]),
  },
};
const NAMES = Object.keys(FIELDS) as MessageName[];

const SCHEMAS = {
  hello: requests.helloRequest,
  produce: requests.produceRequest,
  fetch: requests.fetchRequest,
  metadata: requests.metadataRequest,
  offsets: requests.offsetsRequest,
  createTopic: requests.createTopicRequest,
  deleteTopic: requests.deleteTopicRequest,
  ping: requests.pingRequest,
  alterTopic: requests.alterTopicRequest,
  describeTopic: requests.describeTopicRequest,
  joinGroup: groups.joinGroupRequest,
  syncGroup: groups.syncGroupRequest,
  groupHeartbeat: groups.groupHeartbeatRequest,
  leaveGroup: groups.leaveGroupRequest,
  commitOffsets: groups.commitOffsetsRequest,
  committedOffsets: groups.committedOffsetsRequest,
  listGroups: groups.listGroupsRequest,
  describeGroup: groups.groupRequest,
  deleteGroup: groups.groupRequest,
  getByKey: requests.getByKeyRequest,
} as const;

function nearlyPayload(random: SeededRandom, name: MessageName): Uint8Array {
  const value = nearly(random, FIELDS[name]);
  if (name === "produce" && random.below(3) === 0) {
    value["batch"] = anyBatch(random);
    if (random.below(5) > 0) delete value["records"];
  }
  const bytes = encodeCbor(value);
  return random.below(3) === 0 ? mutate(random, bytes) : bytes;
}

/** The first byte chooses the request, the rest is the payload. */
export const payloads: FuzzTarget = {
  name: "payloads",
  weight: 60,
  inputsPerSubject: 1_000_000,
  open: async () => ({
    make(random) {
      const which = random.below(NAMES.length);
      return Uint8Array.from([which, ...nearlyPayload(random, NAMES[which]!)]);
    },
    check(input) {
      try {
        readPayload(input.subarray(1), SCHEMAS[NAMES[(input[0] ?? 0) % NAMES.length]!]);
      } catch (thrown) {
        allowRefusals(thrown, ["invalid_request"]);
      }
    },
  }),
};

/** A frame's body into a session, over a real broker that keeps everything in memory. */
export const nativeSession: FuzzTarget = {
  name: "native_session",
  weight: 14,
  inputsPerSubject: 500,
  async open() {
    const platform = {
      ...currentPlatform({ memory: true }),
      disk: memoryDisk({ capacityBytes: DISK_BYTES }),
      clock: new ManualClock(),
    };
    const { broker } = await Broker.open(platform, BROKER_OPTIONS);
    await broker.createTopic("orders", { partitions: 2, config: { "cleanup.policy": "compact" } });
    const bugs: unknown[] = [];
    const session = new NativeSession({
      broker,
      clock: platform.clock,
      compression: platform.compression,
      brokerName: "sentinel/fuzz",
      nodeId: 1,
      onInternalError: (error) => void bugs.push(error.cause ?? error),
    });
    // A fetch that waits answers at once: nothing else is produced while one input is worked on.
    session.endWaits();
    return {
      make(random) {
        const name = random.pick(NAMES);
        const type = random.below(12) === 0 ? random.below(65_536) : MESSAGE_TYPES[name];
        const payload = random.below(20) === 0 ? randomBytes(random, random.below(40)) : nearlyPayload(random, name);
        return Uint8Array.from([type >> 8, type & 0xff, 0, 0, 0, 7, ...payload]);
      },
      async check(input) {
        if (input.length < 6) return;
        const slices = await session.handle(input);
        if (bugs.length > 0) throw bugs[0];
        const reply = readFrame(Uint8Array.from(slices.flatMap((slice) => [...slice])).subarray(4));
        const decoded = decodeCbor(reply.payload, { depthMax: 64 });
        assert.ok(!isCborFault(decoded), "The reply is not CBOR");
        const code = (decoded.value as { readonly code?: CborInput }).code;
        assert.ok(reply.type !== ERROR_REPLY || code !== "internal", "The reply is internal");
        assert.equal(reply.correlationId, ((input[2]! << 24) | (input[3]! << 16) | (input[4]! << 8) | input[5]!) >>> 0);
      },
      close: () => broker.close(),
    };
  },
};
