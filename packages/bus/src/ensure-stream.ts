import { setTimeout as sleep } from 'node:timers/promises';
import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import type { BucketDefinition, StreamDefinition } from '@slipway/contracts';

const MILLISECOND_NS = 1_000_000;
const DUPLICATE_WINDOW_MS = 120_000;
// JetStream API error codes, from the server's errors.json.
const STREAM_NOT_FOUND = 10_059;
const STREAM_NAME_IN_USE = 10_058;

export type EnsuredStream = Partial<StreamConfig> & { readonly name: string };

export function streamConfig(stream: StreamDefinition, replicas: number): EnsuredStream {
  return {
    name: stream.name,
    subjects: [...stream.subjects],
    retention: stream.retention === 'work-queue' ? RetentionPolicy.Workqueue : RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_age: stream.maxAgeMs * MILLISECOND_NS,
    max_bytes: stream.maxBytes,
    max_msgs_per_subject: stream.maxMessagesPerSubject ?? -1,
    duplicate_window: DUPLICATE_WINDOW_MS * MILLISECOND_NS,
    num_replicas: replicas,
  };
}

/** The stream behind a KV bucket (NATS ADR-8), history 1. */
export function kvStreamConfig(bucket: BucketDefinition<unknown>, replicas: number): EnsuredStream {
  const ttlMs = bucket.ttlMs ?? 0;
  return {
    name: `KV_${bucket.name}`,
    subjects: [`$KV.${bucket.name}.>`],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    max_msgs_per_subject: 1,
    max_age: ttlMs * MILLISECOND_NS,
    // The server refuses a window that is longer than the age limit.
    duplicate_window: (ttlMs === 0 ? DUPLICATE_WINDOW_MS : Math.min(ttlMs, DUPLICATE_WINDOW_MS)) * MILLISECOND_NS,
    num_replicas: replicas,
    allow_direct: true,
    allow_rollup_hdrs: true,
    deny_delete: true,
  };
}

/**
 * Finds or makes a stream and returns its creation time, which names this very stream. `settleMs` is waited before one
 * is made in the place of one that was deleted just now: nats-server 2.9 still removes the files of the old one then,
 * and would take those of the new one with them.
 */
export async function ensureStream(jsm: JetStreamManager, config: EnsuredStream, settleMs: number): Promise<string> {
  try {
    return (await jsm.streams.info(config.name)).created;
  } catch (error) {
    if (!isApiError(error, STREAM_NOT_FOUND)) throw error;
  }
  if (settleMs > 0) await sleep(settleMs);
  try {
    return (await jsm.streams.add(config)).created;
  } catch (error) {
    // Another service made it in between.
    if (!isApiError(error, STREAM_NAME_IN_USE)) throw error;
    return (await jsm.streams.info(config.name)).created;
  }
}

export function isApiError(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code;
}
