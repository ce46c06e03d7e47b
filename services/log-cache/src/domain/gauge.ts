import type { InstanceMetrics } from '@slipway/contracts';
import { renderEnvelope } from './envelope.ts';

type InstanceUsage = InstanceMetrics['instances'][number];

const PERCENT = 100;
const NANOSECONDS_PER_MILLISECOND = 1_000_000;

interface Gauge {
  readonly unit: string;
  readonly value: number;
}

/** Cloud Foundry's container metrics by name, with its units (executor `containermetrics`). */
export const gaugeNames = [
  'cpu',
  'cpu_entitlement',
  'memory',
  'memory_quota',
  'disk',
  'disk_quota',
  'log_rate',
  'log_rate_limit',
  'container_age',
] as const;

function gaugesOf(usage: InstanceUsage): Partial<Record<(typeof gaugeNames)[number], Gauge>> {
  const gauge = (unit: string, value: number | undefined, factor = 1): Gauge | undefined =>
    value === undefined ? undefined : { unit, value: value * factor };
  const all = {
    cpu: gauge('percentage', usage.cpu, PERCENT),
    cpu_entitlement: gauge('percentage', usage.cpuEntitlement, PERCENT),
    memory: gauge('bytes', usage.memoryBytes),
    memory_quota: gauge('bytes', usage.memoryQuotaBytes),
    disk: gauge('bytes', usage.diskBytes),
    disk_quota: gauge('bytes', usage.diskQuotaBytes),
    log_rate: gauge('B/s', usage.logBytesPerSecond),
    log_rate_limit: gauge('B/s', usage.logRateLimit),
    container_age: gauge('nanoseconds', Math.round(usage.ageMs), NANOSECONDS_PER_MILLISECOND),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** What an instance uses as one gauge envelope, under its app's source id; undefined when the cell did not say of which app it is. */
export function gaugeEnvelope(
  usage: InstanceUsage,
): { readonly sourceId: string; readonly render: (timestamp: bigint) => string } | undefined {
  const { sourceId, index, instanceGuid } = usage;
  if (sourceId === undefined) return undefined;
  const instanceId = String(index);
  const tags = { ...usage.tags, instance_id: instanceId, process_instance_id: instanceGuid };
  const metrics = gaugesOf(usage);
  return {
    sourceId,
    render: (timestamp) => renderEnvelope({ sourceId, instanceId, tags }, timestamp, { gauge: { metrics } }),
  };
}
