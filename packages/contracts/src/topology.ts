import type { z } from 'zod';
import { cellPresenceSchema, leaseSchema } from './cell.ts';
import { cellDiskSchema } from './cell-disk.ts';
import { desiredLrpSchema, domainFreshnessSchema } from './desired-lrp.ts';
import { instanceSchema } from './instance.ts';
import { networkRecordSchema } from './network-policy.ts';
import { placementRecordSchema } from './placement.ts';
import { taskRecordSchema } from './task.ts';
import { imagesFreshnessSchema, wantedImageSchema } from './wanted-image.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const MEBIBYTE = 1024 * 1024;

/** A JetStream stream. All streams are file-backed, and all can be lost: SQL and the cells rebuild what matters. */
export interface StreamDefinition {
  readonly name: string;
  readonly subjects: readonly string[];
  /** `work-queue`: each message goes to one consumer and is gone when acknowledged. */
  readonly retention: 'work-queue' | 'limits';
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  readonly maxMessagesPerSubject?: number;
  /** Absent: what the server takes at all. */
  readonly maxMessageBytes?: number;
}

export const streams: {
  readonly staging: StreamDefinition;
  readonly stagingResults: StreamDefinition;
  readonly registryChecks: StreamDefinition;
  readonly registryCheckResults: StreamDefinition;
  readonly logs: StreamDefinition;
  readonly deadLetters: StreamDefinition;
} = {
  staging: {
    name: 'STAGING',
    subjects: ['staging.request'],
    retention: 'work-queue',
    maxAgeMs: HOUR_MS,
    maxBytes: 64 * MEBIBYTE,
  },
  stagingResults: {
    name: 'STAGING_RESULTS',
    subjects: ['staging.result'],
    retention: 'work-queue',
    maxAgeMs: 24 * HOUR_MS,
    maxBytes: 64 * MEBIBYTE,
  },
  registryChecks: {
    name: 'REGISTRY_CHECKS',
    subjects: ['registry.check.request'],
    retention: 'work-queue',
    maxAgeMs: HOUR_MS,
    maxBytes: 8 * MEBIBYTE,
  },
  registryCheckResults: {
    name: 'REGISTRY_CHECK_RESULTS',
    subjects: ['registry.check.result'],
    retention: 'work-queue',
    maxAgeMs: HOUR_MS,
    maxBytes: 8 * MEBIBYTE,
  },
  logs: {
    name: 'LOGS',
    subjects: ['log.envelope.*'],
    retention: 'limits',
    maxAgeMs: 24 * HOUR_MS,
    maxBytes: 256 * MEBIBYTE,
    // log-cache's default per source on Cloud Foundry is 100,000; a laptop's disk asks for less.
    maxMessagesPerSubject: 10_000,
    // Three times the longest line in base64. Longer ones would soon leave no room for those of others.
    maxMessageBytes: 256 * 1024,
  },
  deadLetters: {
    name: 'DEAD_LETTERS',
    subjects: ['dead-letter.*.*'],
    retention: 'limits',
    maxAgeMs: 7 * 24 * HOUR_MS,
    maxBytes: 16 * MEBIBYTE,
  },
};

/** A KV bucket: the current state of something, one writer for each key. */
export interface BucketDefinition<T> {
  readonly name: string;
  readonly value: z.ZodType<T>;
  /** Of every key; absent: kept until deleted. Per-key TTL needs a newer server than Debian's 2.9. */
  readonly ttlMs?: number;
  /**
   * Of all its records. Each bucket has room of its own, for a cell that fills one that it may write to must not leave the
   * others without.
   */
  readonly maxBytes: number;
}

export const buckets = {
  /** Keys `lrp.<process guid>` and `domain.cf-apps`. Writer: cloud-controller. */
  desiredLrps: { name: 'desired-lrps', value: desiredLrpSchema.or(domainFreshnessSchema), maxBytes: 256 * MEBIBYTE },
  /** Keys `placed.<cell id>.<instance guid>` and `unplaced.<process guid>.<index>`. Writer: the leading scheduler. */
  placements: { name: 'placements', value: placementRecordSchema, maxBytes: 64 * MEBIBYTE },
  /** Keys `<cell id>.<instance guid>`. Writer: that cell. */
  instances: { name: 'instances', value: instanceSchema, maxBytes: 64 * MEBIBYTE },
  /**
   * Keys `desired.task.<task guid>` and `desired.domain.cf-tasks` (writer: cloud-controller), `placement.<task guid>`
   * (the leading scheduler), `state.<cell id>.<task guid>` (that cell). One bucket, so that it is lost as a whole.
   */
  tasks: { name: 'tasks', value: taskRecordSchema, maxBytes: 128 * MEBIBYTE },
  /**
   * Keys `droplet.<droplet guid>` and `domain.cf-images`. Writer: cloud-controller. A record has some 3 KB; an app has
   * one droplet and those that its revisions can be rolled back to, seven at most.
   */
  wantedImages: {
    name: 'wanted-images',
    value: wantedImageSchema.or(imagesFreshnessSchema),
    maxBytes: 256 * MEBIBYTE,
  },
  /**
   * Keys `policy.<source app guid>.<destination app guid>`, `internal-domain.<name>` and `domain.cf-network`. Writer:
   * cloud-controller.
   */
  networkPolicies: { name: 'network-policies', value: networkRecordSchema, maxBytes: 64 * MEBIBYTE },
  /** Keys `<cell id>`. Writer: that cell. */
  cells: { name: 'cells', value: cellPresenceSchema, ttlMs: 30_000, maxBytes: 16 * MEBIBYTE },
  /** Keys `<cell id>`. Writer: that cell. What its disk is used for; four times as long as it takes to be told again. */
  cellDisks: { name: 'cell-disks', value: cellDiskSchema, ttlMs: 2 * MINUTE_MS, maxBytes: 32 * MEBIBYTE },
  /** Key `scheduler`. Writer: the holder. Locket's TTL. */
  leases: { name: 'leases', value: leaseSchema, ttlMs: 15_000, maxBytes: MEBIBYTE },
} as const satisfies Record<string, BucketDefinition<unknown>>;

/** Keys in the buckets. */
export const keys = {
  desiredLrp: (processGuid: string): string => `lrp.${processGuid}`,
  domain: (domain: string): string => `domain.${domain}`,
  placed: (cellId: string, instanceGuid: string): string => `placed.${cellId}.${instanceGuid}`,
  placedOn: (cellId: string): string => `placed.${cellId}.>`,
  unplaced: (processGuid: string, index: number): string => `unplaced.${processGuid}.${index}`,
  instance: (cellId: string, instanceGuid: string): string => `${cellId}.${instanceGuid}`,
  instancesOf: (cellId: string): string => `${cellId}.>`,
  desiredTask: (taskGuid: string): string => `desired.task.${taskGuid}`,
  tasksDomain: 'desired.domain.cf-tasks',
  desiredTasks: 'desired.>',
  taskPlacement: (taskGuid: string): string => `placement.${taskGuid}`,
  taskPlacements: 'placement.*',
  taskState: (cellId: string, taskGuid: string): string => `state.${cellId}.${taskGuid}`,
  taskStatesOf: (cellId: string): string => `state.${cellId}.>`,
  wantedImage: (dropletGuid: string): string => `droplet.${dropletGuid}`,
  imagesDomain: 'domain.cf-images',
  networkPolicy: (source: string, destination: string): string => `policy.${source}.${destination}`,
  internalDomain: (name: string): string => `internal-domain.${name}`,
  networkDomain: 'domain.cf-network',
  schedulerLease: 'scheduler',
} as const;
