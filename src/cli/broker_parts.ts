/** What the commands use of the broker itself: starting one, and looking into its files. */
import type { Disk } from "../platform/disk.ts";
import type { Platform } from "../platform/platform.ts";
import { startServer } from "../server/server.ts";
import type { ServerHooks, StartStep } from "../server/server.ts";
import { dumpSegment } from "../storage/log/dump_segment.ts";
import { verifyNodeTree } from "../cluster/verify_node_tree.ts";
import type { Finding } from "../storage/verify_finding.ts";
import { verifyDataDirectory } from "../storage/log/verify_data_directory.ts";
import { parseAddress } from "./command.ts";
import type { LogTools } from "./log_command.ts";
import type { CliParts } from "./main.ts";
import type { RunningServer, StartHooks } from "./serve_command.ts";
import type { ServeSettings } from "./serve_flags.ts";

/** The parts that a real program runs with. `makeMemoryDisk` is what `--memory` puts in the place of files. */
export function brokerParts(makeMemoryDisk: () => Disk): CliParts {
  return {
    startServer: (platform, settings, hooks) => start(platform, settings, hooks, makeMemoryDisk),
    logTools,
  };
}

async function start(
  platform: Platform,
  settings: ServeSettings,
  hooks: StartHooks,
  makeMemoryDisk: () => Disk,
): Promise<RunningServer> {
  const used = settings.memory ? { ...platform, disk: makeMemoryDisk() } : platform;
  const server = await startServer(used, {
    dataPath: settings.memory ? "/memory" : settings.data,
    host: settings.host,
    port: settings.port,
    httpPort: settings.httpPort,
    advertised: settings.advertise === undefined ? null : parseAddress(settings.advertise),
    nodeId: settings.nodeId,
    durability: settings.durability,
    flushIntervalMs: settings.flushIntervalMs,
    autoCreate: settings.autoCreate,
    partitionsDefault: settings.partitions,
    storageEngine: settings.storageEngine,
    partitioner: settings.partitioner,
    groups: {
      initialRebalanceDelayMs: settings.groupInitialRebalanceDelayMs,
      sessionTimeoutMsMin: settings.groupMinSessionTimeoutMs,
      sessionTimeoutMsMax: settings.groupMaxSessionTimeoutMs,
      membersMax: settings.groupMaxSize,
      offsetsRetentionMs: settings.offsetsRetentionMinutes * 60_000,
      offsetsTopicPartitions: settings.offsetsTopicPartitions,
    },
    scrubBytesPerSecond: settings.scrubBytesPerSecond,
    insecure: settings.insecure,
    inMemory: settings.memory,
  }, serverHooks(hooks));
  const host = server.binary.host.includes(":") ? `[${server.binary.host}]` : server.binary.host;
  return {
    addresses: { binary: `${host}:${server.binary.port}`, http: `http://${host}:${server.http.port}` },
    stop: (timeoutMs) => server.stop(timeoutMs),
  };
}

function serverHooks(hooks: StartHooks): ServerHooks {
  return {
    log: hooks.log,
    onStep: (step: StartStep) => {
      if (step.step === "directory-ready") {
        hooks.dataDirectoryReady();
        hooks.loadingSegments();
      } else if (step.step === "recovered") {
        hooks.recovered({ segments: step.report.segments, highestOffset: step.report.offsetMax });
      }
    },
  };
}

const logTools: LogTools = {
  async dumpSegment(disk, path, onLine) {
    const end = await dumpSegment(disk, path, {
      onBatch: (batch, position) =>
        onLine(
          `position: ${position} offsets: ${batch.baseOffset}-${batch.lastOffset} records: ${batch.recordCount} ` +
            `bytes: ${batch.sizeBytes} epoch: ${batch.leaderEpoch} codec: ${batch.codec} ` +
            `maxTimestamp: ${batch.maxTimestamp}${batch.isControl ? " control" : ""}${
              batch.isTransactional ? " transactional" : ""
            }`,
        ),
    });
    if (end.fault === null) return true;
    onLine(`position: ${end.position} ${end.sizeBytes - end.position} bytes are no batch: ${end.fault}`);
    return false;
  },
  async verifyDataDirectory(disk, path, { onFinding, onProgress }) {
    const tell = ({ severity, path: file, position, detail }: Finding): void =>
      onFinding(`${severity}: ${file} at ${position}: ${detail}`);
    const summary = await verifyDataDirectory(disk, path, { onProgress, onFinding: tell });
    const tree = await verifyNodeTree(disk, path, {
      onProgress: (bytes) => onProgress(summary.bytes + bytes),
      onFinding: tell,
    });
    const { partitions, segments, batches, records } = summary;
    const bytes = summary.bytes + (tree?.bytes ?? 0);
    const damaged = summary.damaged + (tree?.damaged ?? 0);
    const treeText = tree === null ? "" : `a tree of ${tree.tables} tables and ${tree.logs} logs, `;
    return {
      isWhole: damaged === 0,
      summary: `${partitions} partitions, ${segments} segments, ${batches} batches, ${records} records, ${treeText}` +
        `${bytes} bytes: ${damaged === 0 ? "nothing is damaged" : `${damaged} damaged`}`,
    };
  },
};
