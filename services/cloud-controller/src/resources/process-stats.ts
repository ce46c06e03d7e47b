import type { Instance } from '@slipway/contracts';
import { z } from 'zod';
import type { InstanceStats, InstanceUsage } from '../domain/stats/process-stats.ts';

const MEBIBYTE = 1024 * 1024;

const usageSchema = z.object({
  time: z.iso.datetime(),
  cpu: z.number(),
  cpu_entitlement: z.number().nullable(),
  mem: z.int(),
  disk: z.int(),
  log_rate: z.int(),
});

export const processStatsSchema = z
  .object({
    resources: z.array(
      z.object({
        type: z.string(),
        index: z.int(),
        instance_guid: z.string().optional(),
        state: z.enum(['RUNNING', 'STARTING', 'STOPPING', 'CRASHED', 'DOWN']),
        routable: z.boolean().nullable(),
        /** Slipway's own: what a starting instance is doing. */
        phase: z.string().nullable(),
        usage: usageSchema.partial().optional(),
        host: z.string().optional(),
        instance_internal_ip: z.string().optional(),
        instance_ports: z
          .array(
            z.object({
              external: z.int(),
              internal: z.int(),
              external_tls_proxy_port: z.null(),
              internal_tls_proxy_port: z.null(),
            }),
          )
          .optional(),
        uptime: z.int().optional(),
        mem_quota: z.int().optional(),
        disk_quota: z.int().optional(),
        log_rate_limit: z.int().optional(),
        fds_quota: z.int().optional(),
        isolation_segment: z.string().nullable(),
        details: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'ProcessStats' });
type ProcessStats = z.infer<typeof processStatsSchema>;
type Entry = ProcessStats['resources'][number];

export interface StatsContext {
  readonly process: {
    readonly type: string;
    readonly memoryMb: number;
    readonly diskMb: number;
    readonly logRateBytesPerSecond: number;
  };
  readonly fileDescriptors: number;
  readonly usageOf: (instance: Instance) => { readonly usage: InstanceUsage; readonly at: string } | undefined;
  /** The host's own address. */
  readonly cellAddress: (cellId: string) => string | undefined;
}

/** Ints are ints: a fraction where the cf CLI expects none ends its command. */
export function presentProcessStats(stats: readonly InstanceStats[], context: StatsContext): ProcessStats {
  return { resources: stats.map((entry) => presentEntry(entry, context)) };
}

function presentEntry(stats: InstanceStats, context: StatsContext): Entry {
  const { actual } = stats;
  const { process } = context;
  const base = {
    type: process.type,
    index: stats.index,
    state: stats.state,
    phase: stats.phase,
    isolation_segment: null,
    details: stats.details,
  };
  if (actual === undefined || stats.state === 'DOWN' || stats.state === 'CRASHED') {
    return { ...base, ...(actual === undefined ? {} : { instance_guid: actual.instanceGuid }), routable: null };
  }
  return {
    ...base,
    instance_guid: actual.instanceGuid,
    routable: actual.routable,
    usage: presentUsage(context.usageOf(actual)),
    ...presentAddress(actual, context),
    uptime: stats.uptimeS,
    mem_quota: process.memoryMb * MEBIBYTE,
    disk_quota: process.diskMb * MEBIBYTE,
    log_rate_limit: process.logRateBytesPerSecond,
    fds_quota: context.fileDescriptors,
  };
}

function presentUsage(known: ReturnType<StatsContext['usageOf']>): Entry['usage'] {
  // As on Cloud Foundry when the stats server has nothing: an object without figures.
  if (known === undefined) return {};
  const { usage, at } = known;
  return {
    time: at,
    cpu: usage.cpu,
    cpu_entitlement: usage.cpuEntitlement ?? null,
    mem: usage.memoryBytes,
    disk: usage.diskBytes,
    log_rate: usage.logBytesPerSecond,
  };
}

function presentAddress(actual: NonNullable<InstanceStats['actual']>, context: StatsContext): Partial<Entry> {
  const host = context.cellAddress(actual.cellId) ?? actual.address;
  return {
    ...(host === undefined ? {} : { host }),
    ...(actual.address === undefined ? {} : { instance_internal_ip: actual.address }),
    instance_ports: (actual.ports ?? []).map(({ hostPort, containerPort }) => ({
      external: hostPort,
      internal: containerPort,
      external_tls_proxy_port: null,
      internal_tls_proxy_port: null,
    })),
  };
}
