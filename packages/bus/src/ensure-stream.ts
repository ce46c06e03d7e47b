import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import { type BucketDefinition, type StreamDefinition, storedSubject } from '@slipway/contracts';

const MILLISECOND_NS = 1_000_000;
const DUPLICATE_WINDOW_MS = 120_000;
// JetStream API error codes, from the server's errors.json.
const STREAM_NOT_FOUND = 10_059;

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
    max_msg_size: stream.maxMessageBytes ?? -1,
    duplicate_window: DUPLICATE_WINDOW_MS * MILLISECOND_NS,
    num_replicas: replicas,
    allow_direct: true,
    republish: republished(stream.name),
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
    max_bytes: bucket.maxBytes,
    max_age: ttlMs * MILLISECOND_NS,
    // The server refuses a window that is longer than the age limit.
    duplicate_window: (ttlMs === 0 ? DUPLICATE_WINDOW_MS : Math.min(ttlMs, DUPLICATE_WINDOW_MS)) * MILLISECOND_NS,
    num_replicas: replicas,
    allow_direct: true,
    // Who may write one key could else delete all others by a header.
    allow_rollup_hdrs: false,
    deny_delete: true,
    republish: republished(`KV_${bucket.name}`),
  };
}

/** Readers follow what is stored by this, without a consumer of their own. */
const republished = (stream: string): { src: string; dest: string } => ({ src: '>', dest: storedSubject(stream, '>') });

/**
 * Finds, makes or changes a stream so that it is as wanted. `settleMs` is waited before one is made in the place of one
 * that was deleted just now: nats-server 2.9 still removes the files of the old one then, and would take those of the
 * new one with them.
 */
export async function ensureStream(jsm: JetStreamManager, wanted: EnsuredStream, settleMs: number): Promise<void> {
  const found = await jsm.streams.info(wanted.name).catch((error: unknown) => {
    if (isApiError(error, STREAM_NOT_FOUND)) return undefined;
    throw error;
  });
  if (found === undefined) {
    if (settleMs > 0) await sleep(settleMs);
    await jsm.streams.add(wanted);
  } else if (!isDeepStrictEqual({ ...found.config, ...wanted }, found.config)) {
    await jsm.streams.update(wanted.name, wanted);
  }
}

export function isApiError(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code;
}
