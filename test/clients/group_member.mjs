/**
 * One kafkajs member of a group: `node test/clients/group_member.mjs HOST:PORT TOPIC GROUP`. It assigns by Kafka's
 * `range`, as Java's and librdkafka's consumers do unless they are told otherwise, and as native members do. A line a
 * record, `PARTITION OFFSET VALUE`; SIGTERM: it commits and leaves.
 */
import kafkajs from "kafkajs";
import process from "node:process";

const { AssignerProtocol, Kafka, logLevel } = kafkajs;
const [address, topic, groupId] = process.argv.slice(2);

/** Kafka's RangeAssignor: sorted members get neighbouring partitions, the first of them one more each. */
const range = ({ cluster }) => ({
  name: "range",
  version: 0,
  protocol: ({ topics }) => ({
    name: "range",
    metadata: AssignerProtocol.MemberMetadata.encode({ version: 0, topics, userData: Buffer.alloc(0) }),
  }),
  async assign({ members, topics }) {
    const sorted = members.map(({ memberId }) => memberId).sort();
    const assignment = new Map(sorted.map((memberId) => [memberId, {}]));
    for (const name of topics) {
      const partitions = cluster.findTopicPartitionMetadata(name).map(({ partitionId }) => partitionId).sort();
      const share = Math.floor(partitions.length / sorted.length);
      const withOneMore = partitions.length % sorted.length;
      for (const [at, memberId] of sorted.entries()) {
        assignment.get(memberId)[name] = partitions.splice(0, share + (at < withOneMore ? 1 : 0));
      }
    }
    return sorted.map((memberId) => ({
      memberId,
      memberAssignment: AssignerProtocol.MemberAssignment.encode({
        version: 0,
        assignment: assignment.get(memberId),
        userData: Buffer.alloc(0),
      }),
    }));
  },
});

const kafka = new Kafka({ clientId: "group-member", brokers: [address], logLevel: logLevel.ERROR });
const consumer = kafka.consumer({
  groupId,
  partitionAssigners: [range],
  sessionTimeout: 10_000,
  heartbeatInterval: 200,
  maxWaitTimeInMs: 100,
});
await consumer.connect();
await consumer.subscribe({ topics: [topic], fromBeginning: true });
process.once("SIGTERM", () => consumer.disconnect().then(() => process.exit(0)));
await consumer.run({
  eachMessage: async ({ partition, message }) => console.log(`${partition} ${message.offset} ${message.value}`),
});
