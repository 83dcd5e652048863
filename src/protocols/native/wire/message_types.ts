/** The numbers of native frames (native frames, version 1). They are on the wire: append only, never reused. */

/** All types from here up are native, all below are Kafka's API keys (design D9). */
export const NATIVE_TYPE_MIN = 0x5300;

export const MESSAGE_TYPES = {
  hello: 0x5301,
  produce: 0x5302,
  fetch: 0x5303,
  metadata: 0x5304,
  offsets: 0x5305,
  createTopic: 0x5306,
  deleteTopic: 0x5307,
  ping: 0x5308,
  alterTopic: 0x5309,
  describeTopic: 0x530a,
  joinGroup: 0x5310,
  syncGroup: 0x5311,
  groupHeartbeat: 0x5312,
  leaveGroup: 0x5313,
  commitOffsets: 0x5314,
  committedOffsets: 0x5315,
  listGroups: 0x5316,
  describeGroup: 0x5317,
  deleteGroup: 0x5318,
  getByKey: 0x5320,
} as const;

export type MessageName = keyof typeof MESSAGE_TYPES;

/** A reply's type is its request's plus this. */
export const REPLY_STEP = 0x80;
/** The reply to whatever could not be done. */
export const ERROR_REPLY = 0x53ff;
/** The versions that this code speaks; `hello` settles on one. */
export const PROTOCOL_VERSIONS: readonly number[] = [1];

const NAMES: ReadonlyMap<number, MessageName> = new Map(
  (Object.keys(MESSAGE_TYPES) as MessageName[]).map((name) => [MESSAGE_TYPES[name], name]),
);

/** The request that a number stands for, or null for a number that no request has. */
export function messageName(type: number): MessageName | null {
  return NAMES.get(type) ?? null;
}

/** How people read a type: `0x5302`. */
export function formatMessageType(type: number): string {
  return `0x${type.toString(16).padStart(4, "0")}`;
}
