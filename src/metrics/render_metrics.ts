/**
 * The broker's counters in Prometheus' text format (version 0.0.4). Parts count for themselves; this only reads. Names,
 * help texts and the number formats of the first families are the seed's (facts 1.5): dashboards know them.
 */
import { LIMITS } from "../base/limits.ts";
import type { BrokerApi } from "../broker/broker_api.ts";
import type { LatencyHistogram } from "../broker/latency_histogram.ts";
import type { BrokerCounters, PartitionDescription } from "../broker/types.ts";

/** What is counted outside of the broker. */
export interface MetricsExtra {
  readonly nowMonotonicMs: number;
  /** Connections that are open now, on all listeners. */
  readonly activeConnections: number;
  readonly httpRequestsInWork?: number;
  readonly httpWaits?: number;
}

/** Series of partitions that one answer shows, for each family: a scrape of more is slower than its interval. */
export const METRICS_PARTITIONS_MAX = 10_000;

export function renderMetrics(broker: BrokerApi, extra: MetricsExtra): string {
  const { counters, produceLatency, fetchLatency } = broker;
  const uptimeSeconds = Math.max(0, extra.nowMonotonicMs - broker.startedMonotonicMs) / 1_000;
  let text = family("sentinel_uptime_seconds", "gauge", "Time since server started", uptimeSeconds.toFixed(2));
  text += counter("sentinel_messages_produced_total", "Total messages produced", counters.recordsProduced);
  text += counter("sentinel_messages_consumed_total", "Total messages consumed", counters.recordsConsumed);
  text += counter("sentinel_bytes_produced_total", "Total bytes produced", counters.bytesProduced);
  text += counter("sentinel_bytes_consumed_total", "Total bytes consumed", counters.bytesConsumed);
  text += counter("sentinel_errors_total", "Total errors", counters.errors);
  text += gauge("sentinel_active_connections", "Current active connections", extra.activeConnections);
  text += averageLatency("sentinel_produce_latency_ms", "Average produce latency", produceLatency);
  text += averageLatency("sentinel_consume_latency_ms", "Average consume latency", fetchLatency);
  text += histogram(
    "sentinel_produce_duration_seconds",
    "Time from a produce request to its acknowledgement",
    produceLatency,
  );
  text += histogram("sentinel_fetch_duration_seconds", "Time from a fetch request to its answer", fetchLatency);
  if (extra.httpRequestsInWork !== undefined) {
    text += gauge("sentinel_http_requests_in_work", "HTTP requests in work", extra.httpRequestsInWork);
  }
  if (extra.httpWaits !== undefined) {
    text += gauge("sentinel_http_waits", "HTTP long polls and streams that wait", extra.httpWaits);
  }
  text += gauge("sentinel_idempotency_keys", "Idempotency keys that are kept", counters.idempotencyKeys);
  text += counter(
    "sentinel_idempotency_replays_total",
    "Requests that were answered from an idempotency key",
    counters.idempotencyReplays,
  );
  return text + cleanerFamilies(counters) + scrubFamilies(counters) + partitionFamilies(broker) +
    groupFamilies(broker) +
    keyFamilies(broker);
}

function cleanerFamilies(counters: BrokerCounters): string {
  return counter("sentinel_cleaner_passes_total", "Passes of log compaction", counters.cleanerPasses) +
    counter("sentinel_cleaner_read_bytes_total", "Bytes that log compaction read", counters.cleanerReadBytes) +
    counter("sentinel_cleaner_written_bytes_total", "Bytes that log compaction wrote", counters.cleanerWrittenBytes) +
    counter("sentinel_cleaner_removed_records_total", "Records that were superseded", counters.cleanerRemovedRecords) +
    family(
      "sentinel_cleaner_seconds_total",
      "counter",
      "Time that log compaction took",
      (counters.cleanerMs / 1_000).toFixed(3),
    ) +
    counter("sentinel_cleaner_failures_total", "Passes that failed", counters.cleanerFailures) +
    gauge(
      "sentinel_cleaner_failed_partitions",
      "Compacted partitions that cannot be compacted now",
      counters.cleanerFailedPartitions,
    );
}

function scrubFamilies(counters: BrokerCounters): string {
  return counter("sentinel_scrub_read_bytes_total", "Cold bytes that the scrub read again", counters.scrubReadBytes) +
    counter("sentinel_scrub_passes_total", "Passes of the scrub over everything cold", counters.scrubPasses) +
    counter("sentinel_scrub_damage_total", "Places with damage that the scrub found", counters.scrubDamage) +
    gauge("sentinel_scrub_damaged_places", "Places that are damaged now", counters.scrubDamagedPlaces) +
    gauge("sentinel_scrub_remaining_bytes", "What the scrub's pass has still to read", counters.scrubRemainingBytes) +
    family(
      "sentinel_scrub_lag_seconds",
      "gauge",
      "Time by which the last whole pass is older than its period",
      (counters.scrubLagMs / 1_000).toFixed(0),
    );
}

/** A label's value inside its quotes (seed-M3). Nothing that a caller can name may end the line or the quotes. */
export function escapeLabelValue(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function head(name: string, type: "counter" | "gauge" | "histogram", help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

function family(name: string, type: "counter" | "gauge", help: string, value: string): string {
  return `${head(name, type, help)}${name} ${value}\n\n`;
}

function counter(name: string, help: string, value: number): string {
  return family(name, "counter", help, value.toFixed(0));
}

function gauge(name: string, help: string, value: number): string {
  return family(name, "gauge", help, value.toFixed(0));
}

/** Absent before the first sample: an average of nothing is no number. */
function averageLatency(name: string, help: string, latency: LatencyHistogram): string {
  return latency.count === 0 ? "" : family(name, "gauge", help, (latency.sumMs / latency.count).toFixed(2));
}

function histogram(name: string, help: string, latency: LatencyHistogram): string {
  let text = head(name, "histogram", help);
  let below = 0;
  latency.boundsMs.forEach((boundMs, index) => {
    below += latency.counts[index]!;
    text += `${name}_bucket{le="${boundMs / 1_000}"} ${below}\n`;
  });
  text += `${name}_bucket{le="+Inf"} ${latency.count}\n`;
  return `${text}${name}_sum ${latency.sumMs / 1_000}\n${name}_count ${latency.count}\n\n`;
}

function partitionFamilies(broker: BrokerApi): string {
  let start = head("sentinel_partition_log_start_offset", "gauge", "First offset of the partition");
  let end = head(
    "sentinel_partition_high_watermark",
    "gauge",
    "Offset after the last committed record of the partition",
  );
  let size = head("sentinel_partition_size_bytes", "gauge", "Bytes of the partition's log");
  let shown = 0;
  let left = 0;
  for (const topic of broker.topicNames()) {
    const count = broker.partitionCount(topic) ?? 0;
    if (shown + count > METRICS_PARTITIONS_MAX) {
      left += count;
      continue;
    }
    const name = escapeLabelValue(topic);
    for (const partition of broker.describeTopic(topic)?.partitions ?? []) {
      const labels = labelsOf(name, partition);
      start += `sentinel_partition_log_start_offset${labels} ${partition.start}\n`;
      end += `sentinel_partition_high_watermark${labels} ${partition.highWatermark}\n`;
      size += `sentinel_partition_size_bytes${labels} ${partition.bytes}\n`;
      shown += 1;
    }
  }
  const unshown = gauge("sentinel_partitions_not_shown", "Partitions left out of this answer", left);
  return shown === 0 ? unshown : `${start}\n${end}\n${size}\n${unshown}`;
}

/** How far each group is behind. Sorted by group, so that the same ones are left out each time. */
function groupFamilies(broker: BrokerApi): string {
  let offsets = head("sentinel_group_committed_offset", "gauge", "Offset that the group has committed");
  let lags = head("sentinel_group_lag", "gauge", "Records between the group's committed offset and the high watermark");
  let shown = 0;
  let left = 0;
  for (const { groupId, topic, partition, offset, lag } of broker.groups.lags()) {
    if (shown === LIMITS.metricsLagRowsMax) {
      left += 1;
      continue;
    }
    const labels = `{group="${escapeLabelValue(groupId)}",topic="${escapeLabelValue(topic)}",partition="${partition}"}`;
    offsets += `sentinel_group_committed_offset${labels} ${offset}\n`;
    lags += `sentinel_group_lag${labels} ${lag}\n`;
    shown += 1;
  }
  if (shown === 0) return "";
  return `${offsets}\n${lags}\n${gauge("sentinel_group_lags_not_shown", "Group lags left out of this answer", left)}`;
}

/** Lookups by key, and how far each index is behind. Sorted, so that the same ones are left out each time. */
function keyFamilies(broker: BrokerApi): string {
  const { counters } = broker;
  const text = counter("sentinel_key_lookups_total", "Lookups by key that were answered", counters.keyLookups) +
    counter("sentinel_key_lookups_found_total", "Lookups by key that found a record", counters.keyLookupsFound) +
    counter(
      "sentinel_key_index_rebuilds_total",
      "Indexes of keys that were not their log's and were built anew",
      counters.keyIndexRebuilds,
    ) +
    counter("sentinel_key_index_failures_total", "Steps of an index that failed", counters.keyIndexFailures);
  const rows = broker.keys.progress();
  const shown = rows.slice(0, LIMITS.metricsLagRowsMax);
  if (shown.length === 0) return text;
  const lags = shown.map(({ topic, partition, appliedOffset, highWatermark }) => {
    const lag = Math.max(0, highWatermark - Math.max(0, appliedOffset));
    return `sentinel_key_index_lag{topic="${escapeLabelValue(topic)}",partition="${partition}"} ${lag}\n`;
  });
  const help = "Offsets between the index of the partition's keys and its high watermark";
  return `${text}${head("sentinel_key_index_lag", "gauge", help)}${lags.join("")}\n${
    gauge("sentinel_key_index_lags_not_shown", "Index lags left out of this answer", rows.length - shown.length)
  }`;
}

function labelsOf(topic: string, partition: PartitionDescription): string {
  return `{topic="${topic}",partition="${partition.partition}"}`;
}
