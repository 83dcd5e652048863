/**
 * What a log knows to be synced (design D3): the file `recovery-point` with two slots, written in turn, each synced
 * before anything relies on it. A torn or rotten slot leaves the other.
 *
 * Layout of a slot, 64 bytes (big-endian), slot 0 at 0, slot 1 at 4096 so that no page holds both:
 *
 *   0  magic u32 0x53525031 ("SRP1")
 *   4  formatVersion u16      1
 *   6  flags u16              bit 0: the log was stopped cleanly at this point
 *   8  sequence i64           the larger one counts
 *  16  segmentBaseOffset i64
 *  24  position i64           bytes of that segment which are synced; all segments before it are, whole
 *  32  endOffset i64          the offset at that position
 *  40  logStartOffset i64
 *  48  reserved               zero
 *  60  crc u32                CRC-32C over the log's identity, the slot's number and bytes 0 … 59: a slot of another
 *                             log or the other slot's bytes (a misdirected write) do not pass
 */
import { crc32c } from "../../bytes/crc32c.ts";
import type { Offset } from "../../base/ids.ts";
import type { Disk, DiskFile } from "../../platform/disk.ts";

export const RECOVERY_POINT_FILE = "recovery-point";
const SLOT_BYTES = 64;
const SLOT_SPACING = 4096;
const MAGIC = 0x53525031;
const FORMAT_VERSION = 1;
const CLEAN_FLAG = 1;
const CRC_AT = 60;

export interface RecoveryPoint {
  readonly segmentBaseOffset: Offset;
  readonly position: number;
  readonly endOffset: Offset;
  readonly logStartOffset: Offset;
  /** The log was closed here and nothing was appended since. */
  readonly clean: boolean;
}

/** Bytes of log from one point to a later one, at least: a whole segment between them counts nothing. */
export function bytesAbove(point: RecoveryPoint, later: RecoveryPoint): number {
  return later.position - (later.segmentBaseOffset === point.segmentBaseOffset ? point.position : 0);
}

/** One slot's bytes. `identity` names the log: its directory's topic id and partition. */
export function encodeSlot(point: RecoveryPoint, sequence: number, slot: number, identity: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(SLOT_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint16(4, FORMAT_VERSION);
  view.setUint16(6, point.clean ? CLEAN_FLAG : 0);
  view.setBigInt64(8, BigInt(sequence));
  view.setBigInt64(16, BigInt(point.segmentBaseOffset));
  view.setBigInt64(24, BigInt(point.position));
  view.setBigInt64(32, BigInt(point.endOffset));
  view.setBigInt64(40, BigInt(point.logStartOffset));
  view.setUint32(CRC_AT, slotCrc(bytes, slot, identity));
  return bytes;
}

/** What a slot says, or null when it is torn, rotten, of another log or of a later format. */
export function decodeSlot(
  bytes: Uint8Array,
  slot: number,
  identity: Uint8Array,
): { readonly sequence: number; readonly point: RecoveryPoint } | null {
  if (bytes.length !== SLOT_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, SLOT_BYTES);
  if (view.getUint32(0) !== MAGIC || view.getUint16(4) !== FORMAT_VERSION) return null;
  if (view.getUint32(CRC_AT) !== slotCrc(bytes, slot, identity)) return null;
  return {
    sequence: Number(view.getBigInt64(8)),
    point: {
      segmentBaseOffset: Number(view.getBigInt64(16)),
      position: Number(view.getBigInt64(24)),
      endOffset: Number(view.getBigInt64(32)),
      logStartOffset: Number(view.getBigInt64(40)),
      clean: (view.getUint16(6) & CLEAN_FLAG) !== 0,
    },
  };
}

function slotCrc(bytes: Uint8Array, slot: number, identity: Uint8Array): number {
  const seed = crc32c(Uint8Array.of(...identity, slot));
  return crc32c(bytes, 0, CRC_AT, seed);
}

/** The open file. One call at a time. */
export class RecoveryPointFile {
  readonly #file: DiskFile;
  readonly #identity: Uint8Array;
  #sequence: number;

  private constructor(file: DiskFile, identity: Uint8Array, sequence: number) {
    this.#file = file;
    this.#identity = identity;
    this.#sequence = sequence;
  }

  /** Opens or makes the file in a log's directory. `point` is null when neither slot can be used. */
  static async open(
    disk: Disk,
    directory: string,
    identity: Uint8Array,
  ): Promise<{ readonly file: RecoveryPointFile; readonly point: RecoveryPoint | null }> {
    const file = await disk.open(`${directory}/${RECOVERY_POINT_FILE}`, "write");
    let newest: { sequence: number; point: RecoveryPoint } | null = null;
    for (const slot of [0, 1]) {
      const bytes = new Uint8Array(SLOT_BYTES);
      const count = await file.readAt(slot * SLOT_SPACING, bytes);
      const decoded = decodeSlot(bytes.subarray(0, count), slot, identity);
      if (decoded !== null && (newest === null || decoded.sequence > newest.sequence)) newest = decoded;
    }
    const opened = new RecoveryPointFile(file, identity, newest?.sequence ?? 0);
    return { file: opened, point: newest?.point ?? null };
  }

  /** Durable when it resolves. */
  async write(point: RecoveryPoint): Promise<void> {
    await this.#writeSlot(point);
    await this.#file.sync();
  }

  /**
   * Writes both slots, one synced before the other. For whatever the older slot would contradict: a lower position
   * before a truncation, or a clean mark that no longer holds. Otherwise rot in the new slot would bring the old one
   * back, and with it a corruption that is none.
   */
  async writeBoth(point: RecoveryPoint): Promise<void> {
    await this.write(point);
    await this.write(point);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #writeSlot(point: RecoveryPoint): Promise<void> {
    const sequence = this.#sequence + 1;
    const slot = sequence % 2;
    await this.#file.writeAt(slot * SLOT_SPACING, [encodeSlot(point, sequence, slot, this.#identity)]);
    // A write that fails leaves its slot unknown: the next one goes there again, and the other slot stays.
    this.#sequence = sequence;
  }
}
