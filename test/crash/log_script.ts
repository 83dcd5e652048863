/** A scenario's script over one partition's log. */
import { createLog } from "../../src/storage/log/recover_log.ts";
import type { SegmentLog } from "../../src/storage/log/segment_log.ts";
import { buildRecordBatch } from "../../src/records/build_batch.ts";
import { digestOf } from "./ledger.ts";
import type { PartitionPlace, ProduceAsked } from "./ledger.ts";
import { LOG_TOPIC, logLocation, openLog, openLogSubject } from "./log_subject.ts";
import { Script } from "./script.ts";

const PLACE: PartitionPlace = { incarnation: 1, partition: 0 };

export class LogScript extends Script {
  readonly opens = openLogSubject;
  log!: SegmentLog;

  /** Makes the log; no crash point may come before. */
  async make(): Promise<void> {
    const state = { name: LOG_TOPIC, incarnation: 1, partitions: 1, config: {} };
    this.ledger.push({ kind: "topic asked", name: LOG_TOPIC, state }, { kind: "topic done", name: LOG_TOPIC });
    const { disk, platform } = this.startProcess();
    await createLog(logLocation(platform));
    await disk.syncDirectory("/data");
    await disk.syncDirectory("/");
    this.log = await openLog(platform);
  }

  /** A new process over what the last one left. */
  async start(): Promise<void> {
    this.log = await openLog(this.startProcess().platform);
  }

  /** Appends one batch; the promise is its durability. */
  async append(epoch: number, count = 1, valueBytes = 60): Promise<void> {
    const records = this.records("one", count, valueBytes);
    const digests = records.map((record) => digestOf({ ...record, timestamp: record.timestamp! }, epoch));
    const asked: ProduceAsked = { kind: "produce asked", place: PLACE, connection: "one", digests };
    this.ledger.push(asked);
    const { baseOffset } = this.log.appendAsLeader(buildRecordBatch(records, { nowMs: 0 }), epoch);
    await this.log.flush();
    this.ledger.push({ kind: "produce acked", asked, first: baseOffset });
  }

  async truncate(boundary: number): Promise<void> {
    this.ledger.push({ kind: "truncate asked", place: PLACE, boundary });
    await this.log.truncateFrom(boundary);
    this.ledger.push({ kind: "truncate done", place: PLACE, boundary });
  }

  async trim(offset: number): Promise<void> {
    this.ledger.push({ kind: "start asked", place: PLACE, offset, isLimit: false });
    await this.log.trimBefore(offset);
    this.ledger.push({ kind: "start told", place: PLACE, offset });
  }
}
