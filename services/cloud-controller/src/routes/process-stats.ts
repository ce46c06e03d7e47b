import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import type { ProcessRow } from '../adapters/sql/schema.ts';
import { lrpGuid } from '../domain/lrp/process-guid.ts';
import { FILE_DESCRIPTORS } from '../domain/lrp/resources.ts';
import { processStats } from '../domain/stats/process-stats.ts';
import { ApiError } from '../errors.ts';
import { presentProcessStats, type processStatsSchema } from '../resources/process-stats.ts';
import type { ApiContext } from './api-context.ts';

/** What runs of a process now. While the bus is away: what was known last, with a warning that the cf CLI prints. */
export async function statsOf(
  context: ApiContext,
  process: ProcessRow,
  reply: FastifyReply,
): Promise<z.infer<typeof processStatsSchema>> {
  const actual = context.actual();
  if (actual === undefined) throw new ApiError('InstancesUnavailable', 'NATS has not been reached yet');
  if (!actual.fresh) void reply.header('x-cf-warnings', encodeURIComponent('Stats server temporarily unavailable.'));
  const guid = lrpGuid(process.guid, process.version);
  const stats = processStats({
    instances: process.instances,
    placements: actual.placementsOf(guid),
    actual: actual.instancesOf(guid),
    now: context.now().getTime(),
  });
  return presentProcessStats(stats, {
    process: {
      type: process.type,
      memoryMb: process.memory_mb,
      diskMb: process.disk_mb,
      logRateBytesPerSecond: process.log_rate_bytes_per_second,
    },
    fileDescriptors: FILE_DESCRIPTORS,
    usageOf: (instance) => actual.usageOf(instance),
    cellAddress: (cellId) => actual.cellAddress(cellId),
  });
}
