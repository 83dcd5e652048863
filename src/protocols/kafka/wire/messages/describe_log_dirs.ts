/** DescribeLogDirs (API 35), as Kafka 4.3 declares it. */
import { array, bool, int16, int32, int64, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const describeLogDirsRequest = new MessageSchema("DescribeLogDirsRequest", { versions: "1-5", flexible: "2+" }, {
  topics: array("0+", {
    topic: string("0+"),
    partitions: array("0+", "int32"),
  }, { nullable: "0+" }),
});

export const describeLogDirsResponse = new MessageSchema(
  "DescribeLogDirsResponse",
  { versions: "1-5", flexible: "2+" },
  {
    throttleTimeMs: int32("0+"),
    errorCode: int16("3+", { ignorable: true }),
    results: array("0+", {
      errorCode: int16("0+"),
      logDir: string("0+"),
      topics: array("0+", {
        name: string("0+"),
        partitions: array("0+", {
          partitionIndex: int32("0+"),
          partitionSize: int64("0+"),
          offsetLag: int64("0+"),
          isFutureKey: bool("0+"),
        }),
      }),
      totalBytes: int64("4+", { default: -1, ignorable: true }),
      usableBytes: int64("4+", { default: -1, ignorable: true }),
      isCordoned: bool("5+", { default: false, ignorable: true }),
    }),
  },
);

export const describeLogDirsApi = defineApi(35, "DescribeLogDirs", describeLogDirsRequest, describeLogDirsResponse);

export type DescribeLogDirsRequest = MessageValue<typeof describeLogDirsRequest>;
export type DescribeLogDirsResponse = MessageInput<typeof describeLogDirsResponse>;
