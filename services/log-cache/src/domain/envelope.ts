import type { LogEnvelope } from '@slipway/contracts';
import { parseInt64 } from './int64.ts';

/** log-cache's filter names (egress.proto `EnvelopeType`), without `ANY`, which filters nothing. */
export const envelopeTypes = ['LOG', 'COUNTER', 'GAUGE', 'TIMER', 'EVENT'] as const;
export type EnvelopeType = (typeof envelopeTypes)[number];

/** An envelope as it is kept: rendered once, sent as it is. */
export interface StoredEnvelope {
  /** Nanoseconds since the epoch, unlike every other of its source. */
  readonly timestamp: bigint;
  readonly type: EnvelopeType;
  /** loggregator.v2.Envelope in protobuf's JSON, ASCII only, so that its length is its size in bytes. */
  readonly json: string;
}

/** Leaves room to move lines of one and the same nanosecond apart without leaving int64. */
const LATEST = 2n ** 63n - 1n - 2n ** 32n;

/** Nanoseconds of a message as the time of an envelope. Undefined when it is no int64, which no client could read. */
export function envelopeTimestamp(nanoseconds: string): bigint | undefined {
  const timestamp = parseInt64(nanoseconds);
  return timestamp === undefined || timestamp > LATEST ? undefined : timestamp;
}

/**
 * loggregator.v2.Envelope as log-cache's gateway writes it: proto names, unset fields included. Clients parse it
 * strictly: an unknown key, or text that is not valid Unicode, would fail the whole read.
 */
export function renderLogEnvelope(envelope: LogEnvelope, timestamp: bigint): string {
  const { sourceId, instanceId, payload, stream } = envelope;
  const tags = { ...envelope.tags, source_type: envelope.sourceType };
  return renderEnvelope({ sourceId, instanceId, tags }, timestamp, { log: { payload, type: stream } });
}

export interface EnvelopeOrigin {
  readonly sourceId: string;
  readonly instanceId: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** `content`: the one field of the envelope's oneof. */
export function renderEnvelope(origin: EnvelopeOrigin, timestamp: bigint, content: object): string {
  const tags: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(origin.tags)) tags[name.toWellFormed()] = value.toWellFormed();
  const json = JSON.stringify({
    timestamp: timestamp.toString(),
    source_id: origin.sourceId,
    instance_id: origin.instanceId.toWellFormed(),
    deprecated_tags: {},
    tags,
    ...content,
  });
  return json.replace(/[\u0080-\uffff]/g, escapeUnit);
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
